/* A small in-memory file system on C libfuse 3's low-level interface: what the others are measured against.
 *
 *     memfs_ll MOUNTPOINT
 *
 * Files and directories only; every timeout is 0 and every file is opened for direct I/O, so that each call of the
 * client reaches this process. One thread, which is libfuse's fastest way for one client. A node's id is its
 * address; names are found through one hash table, and listed from an array in each directory, in which the last
 * entry takes the place of a removed one.
 */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct node {
    struct stat st;
    uint64_t known; /* lookups the kernel has not forgotten yet */
    char *name;
    struct node *parent, *next; /* next in the hash chain */
    size_t place;               /* in the parent's array */
    char *data;
    size_t room;
    struct node **children;
    size_t count, slots;
};

#define BUCKETS 65536
static struct node *buckets[BUCKETS];
static struct node root;

static struct node *node_of(fuse_ino_t ino)
{
    return ino == FUSE_ROOT_ID ? &root : (struct node *)(uintptr_t)ino;
}

static struct node **chain_of(const struct node *parent, const char *name)
{
    uint64_t hash = (uintptr_t)parent * 0x9e3779b97f4a7c15u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return &buckets[(hash >> 20) % BUCKETS];
}

static struct node **find(const struct node *parent, const char *name)
{
    struct node **at = chain_of(parent, name);
    while (*at && ((*at)->parent != parent || strcmp((*at)->name, name) != 0))
        at = &(*at)->next;
    return at;
}

static void touch(struct node *node)
{
    clock_gettime(CLOCK_REALTIME, &node->st.st_mtim);
    node->st.st_ctim = node->st.st_mtim;
}

static struct node *add(fuse_req_t req, struct node *parent, const char *name, mode_t mode)
{
    struct node *node = calloc(1, sizeof *node);
    if (parent->count == parent->slots) {
        parent->slots = parent->slots ? parent->slots * 2 : 8;
        parent->children = realloc(parent->children, parent->slots * sizeof node);
    }
    if (!node || !parent->children || !(node->name = strdup(name)))
        abort();
    node->st.st_ino = (uintptr_t)node;
    node->st.st_mode = mode;
    node->st.st_nlink = S_ISDIR(mode) ? 2 : 1;
    node->st.st_uid = fuse_req_ctx(req)->uid;
    node->st.st_gid = fuse_req_ctx(req)->gid;
    touch(node);
    node->st.st_atim = node->st.st_mtim;
    node->parent = parent;
    struct node **chain = chain_of(parent, name);
    node->next = *chain;
    *chain = node;
    node->place = parent->count;
    parent->children[parent->count++] = node;
    return node;
}

static void release_if_gone(struct node *node)
{
    if (node->known == 0 && node->st.st_nlink == 0) {
        free(node->children);
        free(node->data);
        free(node->name);
        free(node);
    }
}

static void detach(struct node **at)
{
    struct node *node = *at, *parent = node->parent;
    *at = node->next;
    parent->children[node->place] = parent->children[--parent->count];
    parent->children[node->place]->place = node->place;
    node->st.st_nlink = 0;
    release_if_gone(node);
}

static int resize(struct node *node, size_t size)
{
    if (size > node->room) {
        size_t room = node->room ? node->room : 4096;
        while (room < size)
            room *= 2;
        char *data = realloc(node->data, room);
        if (!data)
            return ENOSPC;
        node->data = data;
        node->room = room;
    }
    if (size > (size_t)node->st.st_size)
        memset(node->data + node->st.st_size, 0, size - (size_t)node->st.st_size);
    node->st.st_size = (off_t)size;
    node->st.st_blocks = (blkcnt_t)((size + 511) / 512);
    return 0;
}

static struct fuse_entry_param entry_of(struct node *node)
{
    struct fuse_entry_param entry = {.ino = node->st.st_ino, .attr = node->st};
    return entry;
}

static void reply_entry(fuse_req_t req, struct node *node)
{
    struct fuse_entry_param entry = entry_of(node);
    node->known++;
    fuse_reply_entry(req, &entry);
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct node *node = *find(node_of(parent), name);
    if (node)
        reply_entry(req, node);
    else
        fuse_reply_err(req, ENOENT);
}

static void on_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
    struct node *node = node_of(ino);
    if (node != &root) {
        node->known -= count;
        release_if_gone(node);
    }
    fuse_reply_none(req);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)fi;
    fuse_reply_attr(req, &node_of(ino)->st, 0);
}

static void on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int valid, struct fuse_file_info *fi)
{
    struct node *node = node_of(ino);
    (void)fi;
    if ((valid & FUSE_SET_ATTR_SIZE) && resize(node, (size_t)st->st_size) != 0) {
        fuse_reply_err(req, ENOSPC);
        return;
    }
    if (valid & FUSE_SET_ATTR_MODE)
        node->st.st_mode = (node->st.st_mode & S_IFMT) | (st->st_mode & 07777);
    if (valid & FUSE_SET_ATTR_UID)
        node->st.st_uid = st->st_uid;
    if (valid & FUSE_SET_ATTR_GID)
        node->st.st_gid = st->st_gid;
    touch(node);
    if (valid & FUSE_SET_ATTR_MTIME)
        node->st.st_mtim = st->st_mtim;
    if (valid & FUSE_SET_ATTR_ATIME)
        node->st.st_atim = st->st_atim;
    fuse_reply_attr(req, &node->st, 0);
}

static void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    if (*find(node_of(parent), name))
        fuse_reply_err(req, EEXIST);
    else
        reply_entry(req, add(req, node_of(parent), name, S_IFDIR | (mode & 07777)));
}

static void on_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
    if (*find(node_of(parent), name)) {
        fuse_reply_err(req, EEXIST);
        return;
    }
    struct node *node = add(req, node_of(parent), name, S_IFREG | (mode & 07777));
    struct fuse_entry_param entry = entry_of(node);
    node->known++;
    fi->direct_io = 1;
    fuse_reply_create(req, &entry, fi);
}

static void on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct node **at = find(node_of(parent), name);
    if (!*at) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    detach(at);
    fuse_reply_err(req, 0);
}

static void on_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct node **at = find(node_of(parent), name);
    if (!*at || (*at)->count) {
        fuse_reply_err(req, *at ? ENOTEMPTY : ENOENT);
        return;
    }
    detach(at);
    fuse_reply_err(req, 0);
}

static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    fi->direct_io = 1;
    fuse_reply_open(req, fi);
}

static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
    struct node *node = node_of(ino);
    (void)fi;
    if (offset >= node->st.st_size)
        size = 0;
    else if (size > (size_t)(node->st.st_size - offset))
        size = (size_t)(node->st.st_size - offset);
    fuse_reply_buf(req, size ? node->data + offset : NULL, size);
}

static void on_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
                     struct fuse_file_info *fi)
{
    struct node *node = node_of(ino);
    (void)fi;
    if ((size_t)offset + size > (size_t)node->st.st_size && resize(node, (size_t)offset + size) != 0) {
        fuse_reply_err(req, ENOSPC);
        return;
    }
    memcpy(node->data + offset, data, size);
    touch(node);
    fuse_reply_write(req, size);
}

static void list(fuse_req_t req, struct node *dir, size_t size, off_t offset, int plus)
{
    char *buffer = malloc(size);
    size_t used = 0;
    if (!buffer) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    for (size_t i = (size_t)offset; i < dir->count; i++) {
        struct node *node = dir->children[i];
        struct fuse_entry_param entry = entry_of(node);
        size_t length = plus ? fuse_add_direntry_plus(req, buffer + used, size - used, node->name, &entry, (off_t)i + 1)
                             : fuse_add_direntry(req, buffer + used, size - used, node->name, &node->st, (off_t)i + 1);
        if (length > size - used)
            break;
        used += length;
        node->known += (uint64_t)plus;
    }
    fuse_reply_buf(req, buffer, used);
    free(buffer);
}

static void on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
    (void)fi;
    list(req, node_of(ino), size, offset, 0);
}

static void on_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
    (void)fi;
    list(req, node_of(ino), size, offset, 1);
}

static const struct fuse_lowlevel_ops operations = {
    .lookup = on_lookup,
    .forget = on_forget,
    .getattr = on_getattr,
    .setattr = on_setattr,
    .mkdir = on_mkdir,
    .create = on_create,
    .unlink = on_unlink,
    .rmdir = on_rmdir,
    .open = on_open,
    .read = on_read,
    .write = on_write,
    .readdir = on_readdir,
    .readdirplus = on_readdirplus,
};

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: memfs_ll MOUNTPOINT\n");
        return 2;
    }
    char *options[] = {argv[0], "-o", "fsname=memfs_ll"};
    struct fuse_args args = FUSE_ARGS_INIT(3, options);
    struct fuse_session *session = fuse_session_new(&args, &operations, sizeof operations, NULL);
    int status = 1;

    root.st.st_ino = FUSE_ROOT_ID;
    root.st.st_mode = S_IFDIR | 0755;
    root.st.st_nlink = 2;
    root.st.st_uid = getuid();
    root.st.st_gid = getgid();
    touch(&root);
    if (!session)
        return 1;
    if (fuse_set_signal_handlers(session) == 0 && fuse_session_mount(session, argv[1]) == 0) {
        status = fuse_session_loop(session) != 0;
        fuse_session_unmount(session);
    }
    fuse_session_destroy(session);
    return status;
}
