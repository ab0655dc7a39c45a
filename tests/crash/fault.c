/* Loaded before the program (LD_PRELOAD): counts its writes and lets the chosen one go wrong.
 *
 * A write is every call by which something leaves the process for the disk or the network: on files below TEILHABE_FAULT_IN and on
 * sockets. The plan is a file of 64-bit numbers, mapped, so that the test arms and reads it while the program runs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { NOTHING, KILL, TORN, IO_ERROR, NO_SPACE, POWER };
enum call { WRITE = 1, SYNC, TRUNCATE, CREATE, RENAME, UNLINK, MKDIR, SEND };

/* armed: whether calls count; at: the call that goes wrong, from 1; last: the last that does (errors only); chance: for POWER;
 * lies: the disk says that it has flushed and has not. */
struct plan {
    volatile uint64_t armed, count, at, last, kind, chance, hits, call, lies;
};

/* What a power cut may take back: a write since the last flush of its file. */
struct change {
    struct change *before;
    dev_t dev;
    ino_t ino;
    int fd, is_truncate;
    off_t offset, old_size;
    size_t length, old_length;
    unsigned char *bytes, *old;
};

#define FDS 65536
static unsigned char ours[FDS];
static struct plan *plan;
static char below[4096];
static struct change *changes;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("TEILHABE_FAULT_PLAN"), *folder = getenv("TEILHABE_FAULT_IN");
    if (!path || !folder || strlen(folder) >= sizeof below) return;
    strcpy(below, folder);
    int fd = REAL(open64)(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) abort();
    void *at = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    REAL(close)(fd);
    if (at == MAP_FAILED) abort();
    plan = at;
}

static int is_below(const char *path) { return plan && path && strncmp(path, below, strlen(below)) == 0; }
static int is_ours(int fd) { return plan && fd >= 0 && fd < FDS && ours[fd]; }

static uint64_t draw(void) {
    uint64_t x = plan->chance + 0x9e3779b97f4a7c15u;
    plan->chance = x;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* The power fails: of what was not flushed each block is on the disk or not, as chance has it; then nothing runs any more. */
static void cut_power(void) {
    struct change *back = NULL;
    for (struct change *c = changes; c;) {
        struct change *older = c->before;
        if (c->is_truncate) {
            REAL(ftruncate64)(c->fd, c->old_size);
        }
        if (c->old_length && pwrite(c->fd, c->old, c->old_length, c->offset) < 0) _exit(99);
        if (!c->is_truncate) REAL(ftruncate64)(c->fd, c->old_size);
        c->before = back;
        back = c;
        c = older;
    }
    for (struct change *c = back; c; c = c->before) {
        if (c->is_truncate) {
            if (draw() & 1) REAL(ftruncate64)(c->fd, c->offset);
            continue;
        }
        for (size_t done = 0; done < c->length;) {
            size_t part = 512 - (size_t)((c->offset + (off_t)done) % 512);
            if (part > c->length - done) part = c->length - done;
            if (draw() & 1 && REAL(pwrite64)(c->fd, c->bytes + done, part, c->offset + (off_t)done) < 0) _exit(99);
            done += part;
        }
    }
    kill(getpid(), SIGKILL);
}

/* Counts a call. 0: let it happen. 1: it fails, errno is set. 2: half of it happens, then the process dies (see die). */
static int goes_wrong(enum call call) {
    if (!plan || !plan->armed) return 0;
    uint64_t number = __atomic_add_fetch(&plan->count, 1, __ATOMIC_SEQ_CST);
    if (number < plan->at || number > plan->last) return 0;
    __atomic_add_fetch(&plan->hits, 1, __ATOMIC_SEQ_CST);
    plan->call = call;
    switch (plan->kind) {
    case KILL: kill(getpid(), SIGKILL); for (;;) pause();
    case POWER: pthread_mutex_lock(&lock); cut_power(); for (;;) pause();
    case TORN: return 2;
    case IO_ERROR: errno = EIO; return 1;
    case NO_SPACE:
        /* A full disk refuses what grows, not what flushes, removes or sends. */
        if (call == SYNC || call == UNLINK || call == SEND || call == TRUNCATE) return 0;
        errno = ENOSPC;
        return 1;
    default: return 0;
    }
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Notes a write at `offset` before it happens, for a power cut. */
static void note(int fd, const void *bytes, size_t length, off_t offset) {
    struct stat64 is;
    if (!plan || plan->kind != POWER || !is_ours(fd) || fstat64(fd, &is) || !S_ISREG(is.st_mode)) return;
    struct change *c = calloc(1, sizeof *c);
    if (!c || !(c->bytes = malloc(length + 1)) || !(c->old = malloc(length + 1))) abort();
    *c = (struct change){.dev = is.st_dev, .ino = is.st_ino, .fd = dup(fd), .offset = offset, .old_size = is.st_size, .length = length,
                         .bytes = c->bytes, .old = c->old};
    memcpy(c->bytes, bytes, length);
    ssize_t held = pread64(fd, c->old, length, offset);
    c->old_length = held > 0 ? (size_t)held : 0;
    pthread_mutex_lock(&lock);
    c->before = changes;
    changes = c;
    pthread_mutex_unlock(&lock);
}

static void note_truncate(int fd, off_t size) {
    struct stat64 is;
    if (!plan || plan->kind != POWER || !is_ours(fd) || fstat64(fd, &is)) return;
    struct change *c = calloc(1, sizeof *c);
    size_t cut = is.st_size > size ? (size_t)(is.st_size - size) : 0;
    if (!c || !(c->old = malloc(cut + 1))) abort();
    *c = (struct change){.dev = is.st_dev, .ino = is.st_ino, .fd = dup(fd), .is_truncate = 1, .offset = size, .old_size = is.st_size, .old = c->old};
    ssize_t held = cut ? pread64(fd, c->old, cut, size) : 0;
    c->old_length = held > 0 ? (size_t)held : 0;
    pthread_mutex_lock(&lock);
    c->before = changes;
    changes = c;
    pthread_mutex_unlock(&lock);
}

/* What is flushed can no longer be lost. The copies of descriptors stay open: closing one would give up SQLite's locks. */
static void flushed(int fd) {
    struct stat64 is;
    if (!plan || plan->kind != POWER || fstat64(fd, &is)) return;
    pthread_mutex_lock(&lock);
    for (struct change **at = &changes; *at;) {
        struct change *c = *at;
        if (c->dev == is.st_dev && c->ino == is.st_ino) {
            *at = c->before;
            free(c->bytes), free(c->old), free(c);
        } else {
            at = &c->before;
        }
    }
    pthread_mutex_unlock(&lock);
}

static off_t here(int fd) {
    int flags = fcntl(fd, F_GETFL);
    struct stat64 is;
    if (flags >= 0 && flags & O_APPEND && !fstat64(fd, &is)) return is.st_size;
    return lseek64(fd, 0, SEEK_CUR);
}

static enum call to(int fd) {
    struct stat64 is;
    return !fstat64(fd, &is) && S_ISSOCK(is.st_mode) ? SEND : WRITE;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (is_ours(fd)) {
        int wrong = goes_wrong(to(fd));
        if (wrong == 1) return -1;
        if (wrong == 2) { REAL(write)(fd, bytes, length / 2); die(); }
        note(fd, bytes, length, here(fd));
    }
    return REAL(write)(fd, bytes, length);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    if (is_ours(fd)) {
        int wrong = goes_wrong(WRITE);
        if (wrong == 1) return -1;
        if (wrong == 2) { REAL(pwrite64)(fd, bytes, length / 2, offset); die(); }
        note(fd, bytes, length, offset);
    }
    return REAL(pwrite64)(fd, bytes, length, offset);
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (is_ours(fd)) {
        int wrong = goes_wrong(to(fd));
        if (wrong == 1) return -1;
        if (wrong == 2) { if (count) REAL(write)(fd, parts[0].iov_base, parts[0].iov_len / 2); die(); }
        off_t offset = here(fd);
        for (int i = 0; i < count; offset += (off_t)parts[i++].iov_len) note(fd, parts[i].iov_base, parts[i].iov_len, offset);
    }
    return REAL(writev)(fd, parts, count);
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    if (is_ours(fd)) {
        int wrong = goes_wrong(SEND);
        if (wrong == 1) return -1;
        if (wrong == 2) { REAL(send)(fd, bytes, length / 2, flags); die(); }
    }
    return REAL(send)(fd, bytes, length, flags);
}
ssize_t sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *address, socklen_t size) {
    if (is_ours(fd) && goes_wrong(SEND) == 1) return -1;
    return REAL(sendto)(fd, bytes, length, flags, address, size);
}
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    if (is_ours(fd)) {
        int wrong = goes_wrong(SEND);
        if (wrong == 1) return -1;
        if (wrong == 2) die();
    }
    return REAL(sendmsg)(fd, message, flags);
}
ssize_t copy_file_range(int from, off64_t *in, int fd, off64_t *out, size_t length, unsigned flags) {
    if (is_ours(fd)) { errno = EXDEV; return -1; }
    return REAL(copy_file_range)(from, in, fd, out, length, flags);
}
ssize_t sendfile64(int fd, int from, off64_t *offset, size_t length) {
    if (is_ours(fd)) { errno = EINVAL; return -1; }
    return REAL(sendfile64)(fd, from, offset, length);
}

static int sync_with(const char *name, int fd) {
    if (is_ours(fd)) {
        int wrong = goes_wrong(SYNC);
        if (wrong == 1) return -1;
        if (wrong == 2) die();
    }
    if (is_ours(fd) && plan->lies) return 0;
    int done = ((int (*)(int))real(name))(fd);
    if (!done && is_ours(fd)) flushed(fd);
    return done;
}
int fsync(int fd) { return sync_with("fsync", fd); }
int fdatasync(int fd) { return sync_with("fdatasync", fd); }

int ftruncate64(int fd, off64_t size) {
    if (is_ours(fd)) {
        int wrong = goes_wrong(TRUNCATE);
        if (wrong == 1) return -1;
        if (wrong == 2) die();
        note_truncate(fd, size);
    }
    return REAL(ftruncate64)(fd, size);
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static int opened(int fd, const char *path) {
    if (fd >= 0 && fd < FDS) ours[fd] = (unsigned char)is_below(path);
    return fd;
}
static int may_create(const char *path, int flags) {
    if (!(flags & O_CREAT) || !is_below(path)) return 1;
    int wrong = goes_wrong(CREATE);
    if (wrong == 2) die();
    return wrong == 0;
}
static mode_t mode_of(int flags, va_list more) { return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(more, int) : 0; }

#define OPENING(name)                                              \
    int name(const char *path, int flags, ...) {                   \
        va_list more;                                              \
        va_start(more, flags);                                     \
        mode_t mode = mode_of(flags, more);                        \
        va_end(more);                                              \
        if (!may_create(path, flags)) return -1;                   \
        return opened(REAL(name)(path, flags, mode), path);        \
    }
OPENING(open)
OPENING(open64)

#define OPENING_AT(name)                                           \
    int name(int folder, const char *path, int flags, ...) {       \
        va_list more;                                              \
        va_start(more, flags);                                     \
        mode_t mode = mode_of(flags, more);                        \
        va_end(more);                                              \
        if (!may_create(path, flags)) return -1;                   \
        return opened(REAL(name)(folder, path, flags, mode), path);\
    }
OPENING_AT(openat)
OPENING_AT(openat64)

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags) {
    int got = REAL(accept4)(fd, address, size, flags);
    if (got >= 0 && got < FDS) ours[got] = plan != NULL;
    return got;
}
int close(int fd) {
    if (fd >= 0 && fd < FDS) ours[fd] = 0;
    return REAL(close)(fd);
}

static int named(const char *path, enum call call) {
    if (!is_below(path)) return 0;
    int wrong = goes_wrong(call);
    if (wrong == 2) die();
    return wrong;
}
int rename(const char *from, const char *into) { return named(into, RENAME) ? -1 : REAL(rename)(from, into); }
int unlink(const char *path) { return named(path, UNLINK) ? -1 : REAL(unlink)(path); }
int mkdir(const char *path, mode_t mode) { return named(path, MKDIR) ? -1 : REAL(mkdir)(path, mode); }
