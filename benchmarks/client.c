/* The client of every measurement: it repeats one system call pattern for a while and counts.
 *
 *     client CPU SECONDS WORK TREE [BYTES]
 *
 * CPU is the core to stay on, or -1 for any. TREE is a directory that `client -1 0 plant TREE BYTES ENTRIES`
 * has planted: TREE/data of BYTES bytes and TREE/many with ENTRIES empty files. It prints "COUNT ELAPSED":
 * what was done, in the unit of the work (calls, bytes or directory entries), and the seconds it took.
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
#include <time.h>
#include <unistd.h>

struct place {
    char data[4096];
    char many[4096];
    char fresh[4096]; /* a name that does not exist between two steps */
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

static uint64_t list(struct place *p, int with_stat)
{
    DIR *dir = opendir(p->many);
    uint64_t entries = 0;
    struct dirent *entry;
    struct stat st;
    if (dir == NULL)
        fail("opendir", p->many);
    while ((errno = 0, entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (with_stat && fstatat(dirfd(dir), entry->d_name, &st, 0) != 0)
            fail("stat", entry->d_name);
        entries++;
    }
    if (errno != 0 || closedir(dir) != 0)
        fail("readdir", p->many);
    if (entries == 0) {
        errno = ENOENT;
        fail("readdir", p->many);
    }
    return entries;
}

static uint64_t step_readdir(struct place *p) { return list(p, 0); }
static uint64_t step_readdir_stat(struct place *p) { return list(p, 1); }

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

static void plant(struct place *p, uint64_t bytes, long entries)
{
    static char zeros[1 << 17];
    int fd = open(p->data, O_CREAT | O_WRONLY | O_TRUNC, 0644);
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
    if (mkdir(p->many, 0755) != 0)
        fail("mkdir", p->many);
    for (long i = 0; i < entries; i++) {
        char name[8192];
        snprintf(name, sizeof name, "%s/entry-%06ld", p->many, i);
        fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
        if (fd < 0 || close(fd) != 0)
            fail("create", name);
    }
}

static void repeat(const struct work *work, struct place *p, double seconds)
{
    uint64_t count = 0;
    double start, end;
    if (work->opens >= 0) {
        struct stat st;
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
    start = now();
    do {
        for (int i = 0; i < work->batch; i++)
            count += work->step(p);
        end = now();
    } while (end - start < seconds);
    printf("%llu %.9f\n", (unsigned long long)count, end - start);
}

int main(int argc, char **argv)
{
    static struct place p;
    if (argc < 5) {
        fprintf(stderr, "usage: client CPU SECONDS WORK TREE [BYTES [ENTRIES]]\n");
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
    join(p.fresh, argv[4], "fresh");
    p.size = argc > 5 ? strtoull(argv[5], NULL, 10) : 4096;
    p.random = 0x9e3779b97f4a7c15u;
    if (strcmp(argv[3], "plant") == 0) {
        plant(&p, p.size, argc > 6 ? atol(argv[6]) : 0);
        return 0;
    }
    for (size_t i = 0; i < sizeof WORKS / sizeof WORKS[0]; i++) {
        if (strcmp(argv[3], WORKS[i].name) == 0) {
            repeat(&WORKS[i], &p, atof(argv[2]));
            return 0;
        }
    }
    fprintf(stderr, "no work is called %s\n", argv[3]);
    return 2;
}
