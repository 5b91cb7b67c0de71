/* The client of every measurement: it repeats one system call pattern for a while and counts.
 *
 *     client CPU SECONDS WORK TREE [BYTES [CLIENTS]]
 *
 * CPU is the core to stay on, or -1 for any. TREE is a directory that `client -1 0 plant TREE BYTES ENTRIES CROWD`
 * has planted: TREE/data of BYTES bytes, TREE/many with ENTRIES empty files and TREE/crowd with CROWD of them.
 * CLIENTS processes do the work at once, 1 if it is not said. It prints "COUNT ELAPSED": what all of them did,
 * in the unit of the work (calls, bytes or directory entries), and the seconds it took.
 * It knows nothing of who serves TREE. To add a work, write its step function and its row in WORKS.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct place {
    char data[4096];
    char many[4096];
    char crowd[4096];
    char fresh[4128]; /* a name that does not exist between two steps */
    int fd;
    char *block;
    size_t size;  /* of one read or write */
    uint64_t blocks; /* whole blocks in the data file */
    uint64_t next, random;
};

static void fail(const char *what, const char *where)
{
    fprintf(stderr, "%s %s: %s\n", what, where, strerror(errno));
    exit(1);
}

static uint64_t step_stat(struct place *p)
{
    struct stat st;
    if (stat(p->data, &st) != 0)
        fail("stat", p->data);
    return 1;
}

static uint64_t step_open(struct place *p)
{
    int fd = open(p->data, O_RDONLY);
    if (fd < 0 || close(fd) != 0)
        fail("open and close", p->data);
    return 1;
}

static uint64_t step_create(struct place *p)
{
    int fd = open(p->fresh, O_CREAT | O_EXCL | O_WRONLY, 0644);
    if (fd < 0 || close(fd) != 0)
        fail("create", p->fresh);
    if (unlink(p->fresh) != 0)
        fail("unlink", p->fresh);
    return 1;
}

static off_t random_offset(struct place *p)
{
    p->random ^= p->random << 13;
    p->random ^= p->random >> 7;
    p->random ^= p->random << 17;
    return (off_t)(p->random % p->blocks * p->size);
}

static off_t following_offset(struct place *p)
{
    return (off_t)(p->next++ % p->blocks * p->size);
}

static uint64_t take(struct place *p, off_t offset)
{
    if (pread(p->fd, p->block, p->size, offset) != (ssize_t)p->size)
        fail("read", p->data);
    return p->size;
}

static uint64_t put(struct place *p, off_t offset)
{
    if (pwrite(p->fd, p->block, p->size, offset) != (ssize_t)p->size)
        fail("write", p->data);
    return p->size;
}

static uint64_t step_read(struct place *p) { return take(p, following_offset(p)); }
static uint64_t step_write(struct place *p) { return put(p, following_offset(p)); }
static uint64_t step_read_random(struct place *p) { take(p, random_offset(p)); return 1; }
static uint64_t step_write_random(struct place *p) { put(p, random_offset(p)); return 1; }

static uint64_t list(const char *where, int with_stat)
{
    DIR *dir = opendir(where);
    uint64_t entries = 0;
    struct dirent *entry;
    struct stat st;
    if (dir == NULL)
        fail("opendir", where);
    while ((errno = 0, entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (with_stat && fstatat(dirfd(dir), entry->d_name, &st, 0) != 0)
            fail("stat", entry->d_name);
        entries++;
    }
    if (errno != 0 || closedir(dir) != 0)
        fail("readdir", where);
    if (entries == 0) {
        errno = ENOENT;
        fail("readdir", where);
    }
    return entries;
}

static uint64_t step_readdir(struct place *p) { return list(p->many, 0); }
static uint64_t step_readdir_stat(struct place *p) { return list(p->many, 1); }
static uint64_t step_readdir_crowd(struct place *p) { return list(p->crowd, 0); }

static const struct work {
    const char *name;
    uint64_t (*step)(struct place *);
    int batch; /* steps between two looks at the clock: cheap calls must not pay for it */
    int opens; /* how to open the data file; -1: not at all */
} WORKS[] = {
    {"stat", step_stat, 8, -1},
    {"open", step_open, 8, -1},
    {"create", step_create, 4, -1},
    {"read", step_read, 1, O_RDONLY},
    {"write", step_write, 1, O_WRONLY},
    {"read-random", step_read_random, 8, O_RDONLY},
    {"write-random", step_write_random, 8, O_WRONLY},
    {"readdir", step_readdir, 1, -1},
    {"readdir-stat", step_readdir_stat, 1, -1},
    {"readdir-crowd", step_readdir_crowd, 1, -1},
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void join(char *to, const char *tree, const char *name)
{
    if (snprintf(to, 4096, "%s/%s", tree, name) >= 4096) {
        errno = ENAMETOOLONG;
        fail("tree", tree);
    }
}

static void populate(const char *directory, long entries)
{
    if (mkdir(directory, 0755) != 0) {
        if (errno == EEXIST)
            return; /* planted before */
        fail("mkdir", directory);
    }
    for (long i = 0; i < entries; i++) {
        char name[8192];
        int fd;
        snprintf(name, sizeof name, "%s/entry-%06ld", directory, i);
        fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
        if (fd < 0 || close(fd) != 0)
            fail("create", name);
    }
}

static void plant(struct place *p, uint64_t bytes, long entries, long crowd)
{
    static char zeros[1 << 17];
    int fd;
    unlink(p->data);
    fd = open(p->data, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    if (fd < 0)
        fail("create", p->data);
    memset(zeros, 'p', sizeof zeros);
    for (uint64_t at = 0; at < bytes; at += sizeof zeros) {
        size_t part = bytes - at < sizeof zeros ? bytes - at : sizeof zeros;
        if (pwrite(fd, zeros, part, (off_t)at) != (ssize_t)part)
            fail("write", p->data);
    }
    if (close(fd) != 0)
        fail("close", p->data);
    populate(p->many, entries);
    populate(p->crowd, crowd);
}

struct done { uint64_t count; double elapsed; };

static struct done repeat(const struct work *work, struct place *p, double seconds)
{
    struct done done = {0, 0};
    double start = now();
    do {
        for (int i = 0; i < work->batch; i++)
            done.count += work->step(p);
        done.elapsed = now() - start;
    } while (done.elapsed < seconds);
    return done;
}

static void prepare(const struct work *work, struct place *p)
{
    struct stat st;
    if (work->opens < 0)
        return;
    p->fd = open(p->data, work->opens);
    if (p->fd < 0 || fstat(p->fd, &st) != 0)
        fail("open", p->data);
    p->blocks = (uint64_t)st.st_size / p->size;
    if (p->blocks == 0 || posix_memalign((void **)&p->block, 4096, p->size) != 0) {
        errno = EINVAL;
        fail("block", p->data);
    }
    memset(p->block, 'q', p->size);
}

/* One process for each client, all told to begin by the end of the same pipe. */
static struct done together(const struct work *work, struct place *p, double seconds, int clients)
{
    struct done all = {0, 0}, one;
    int gate[2], results[2], status, failed = 0;
    char byte;
    if (pipe(gate) != 0 || pipe(results) != 0)
        fail("pipe", "clients");
    for (int i = 0; i < clients; i++) {
        pid_t child = fork();
        if (child < 0)
            fail("fork", "clients");
        if (child > 0)
            continue;
        close(gate[1]);
        snprintf(p->fresh + strlen(p->fresh), 16, "-%d", i);
        p->random += (uint64_t)i;
        prepare(work, p);
        if (read(gate[0], &byte, 1) != 0)
            _exit(1);
        one = repeat(work, p, seconds);
        _exit(write(results[1], &one, sizeof one) != sizeof one);
    }
    close(gate[1]);
    close(results[1]);
    while (read(results[0], &one, sizeof one) == sizeof one) {
        all.count += one.count;
        if (one.elapsed > all.elapsed)
            all.elapsed = one.elapsed;
    }
    while (wait(&status) > 0)
        failed |= status;
    if (failed)
        exit(1);
    return all;
}

int main(int argc, char **argv)
{
    static struct place p;
    if (argc < 5) {
        fprintf(stderr, "usage: client CPU SECONDS WORK TREE [BYTES [CLIENTS]]\n");
        return 2;
    }
    int cpu = atoi(argv[1]);
    if (cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set) != 0)
            fail("stay on core", argv[1]);
    }
    join(p.data, argv[4], "data");
    join(p.many, argv[4], "many");
    join(p.crowd, argv[4], "crowd");
    join(p.fresh, argv[4], "fresh");
    p.size = argc > 5 ? strtoull(argv[5], NULL, 10) : 4096;
    p.random = 0x9e3779b97f4a7c15u;
    if (strcmp(argv[3], "plant") == 0) {
        plant(&p, p.size, argc > 6 ? atol(argv[6]) : 0, argc > 7 ? atol(argv[7]) : 0);
        return 0;
    }
    for (size_t i = 0; i < sizeof WORKS / sizeof WORKS[0]; i++) {
        if (strcmp(argv[3], WORKS[i].name) == 0) {
            struct done done;
            if (argc > 6) {
                done = together(&WORKS[i], &p, atof(argv[2]), atoi(argv[6]));
            } else {
                prepare(&WORKS[i], &p);
                done = repeat(&WORKS[i], &p, atof(argv[2]));
            }
            printf("%llu %.9f\n", (unsigned long long)done.count, done.elapsed);
            return 0;
        }
    }
    fprintf(stderr, "no work is called %s\n", argv[3]);
    return 2;
}
