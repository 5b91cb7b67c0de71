/* The client of benchmarks.growth: one kind of call on each of very many files, once.
 *
 *     grow WHAT TREE FILES PER_DIRECTORY
 *
 * WHAT is create, lookup, list or remove, in this order. TREE/d0, TREE/d1 ... hold PER_DIRECTORY empty files each,
 * FILES in all. It prints "COUNT SECONDS".
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what, const char *where)
{
    fprintf(stderr, "%s %s: %s\n", what, where, strerror(errno));
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static long list(const char *directory)
{
    DIR *dir = opendir(directory);
    struct dirent *entry;
    long count = 0;
    if (dir == NULL)
        fail("opendir", directory);
    while ((errno = 0, entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    if (errno != 0 || closedir(dir) != 0)
        fail("readdir", directory);
    return count;
}

static void each(const char *what, const char *name)
{
    struct stat st;
    int fd;
    switch (what[0]) {
    case 'c':
        fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
        if (fd < 0 || close(fd) != 0)
            fail("create", name);
        break;
    case 'l':
        if (lstat(name, &st) != 0)
            fail("lookup", name);
        break;
    default:
        if (unlink(name) != 0)
            fail("remove", name);
    }
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: grow WHAT TREE FILES PER_DIRECTORY\n");
        return 2;
    }
    const char *what = argv[1];
    long files = atol(argv[3]), room = atol(argv[4]), count = 0;
    char name[4096];
    double start = now();
    for (long d = 0; d * room < files; d++) {
        long stop = (d + 1) * room < files ? (d + 1) * room : files;
        snprintf(name, sizeof name, "%s/d%ld", argv[2], d);
        if (what[0] == 'c' && mkdir(name, 0755) != 0)
            fail("mkdir", name);
        if (strcmp(what, "list") == 0) {
            count += list(name);
            continue;
        }
        for (long i = d * room; i < stop; i++, count++) {
            snprintf(name, sizeof name, "%s/d%ld/file-%07ld", argv[2], d, i);
            each(what, name);
        }
        snprintf(name, sizeof name, "%s/d%ld", argv[2], d);
        if (what[0] == 'r' && rmdir(name) != 0)
            fail("rmdir", name);
    }
    printf("%ld %.9f\n", count, now() - start);
    return 0;
}
