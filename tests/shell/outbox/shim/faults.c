/* Makes the n-th operation on the files of one folder fail, or the process die there. Preloaded into the workers of the tests.
 *
 * - faults_arm() says which folder, which kinds of operation count, the number, and what happens then; the counter starts anew.
 * - Each operation is noted as two letters: what (open, read, write, sync, truncate, map, unlink, lock or k, stat: f) and on which file
 *   (database, wal, shm, journal, folder). What is not counted is noted too.
 * - POWER and HALF_POWER pull the plug: what was written and not synced is undone, all of it or every second write, and so is what was
 *   unlinked without a sync of its folder; then the process dies.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum mode { ONCE = 1, FROM_THEN_ON, KILL, TORN, POWER, HALF_POWER };

struct undo {
    char file;         /* whose bytes these were */
    off_t at;
    size_t length;     /* of what was there, which ends where the file did */
    size_t written;    /* how many bytes of the file were changed */
    off_t size;        /* of the file, before */
    char *bytes;
};

enum { FILES = 4096, OPERATIONS = 65536, WRITES = 8192, NAME = 4096 };

static char folder[NAME], counted[16], files[FILES], trace[2 * OPERATIONS + 1];
static long noted, count, nth;
static int mode, code, armed;
static struct undo undos[WRITES];
static int undone;

#define REAL(result, name, ...) \
    static result (*real)(__VA_ARGS__); \
    if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int ends(const char *path, const char *suffix) {
    size_t whole = strlen(path), part = strlen(suffix);
    return whole >= part && !strcmp(path + whole - part, suffix);
}

static char file_at(const char *path) {
    size_t length = strlen(folder);
    if (!armed || strncmp(path, folder, length) || (path[length] && path[length] != '/')) return 0;
    if (!path[length]) return 'f';
    return ends(path, "-wal") ? 'w' : ends(path, "-shm") ? 's' : ends(path, "-journal") ? 'j' : ends(path, ".sqlite") ? 'd' : 0;
}

static char file_of(int descriptor) { return armed && descriptor >= 0 && descriptor < FILES ? files[descriptor] : 0; }

static void path_of(char file, int unlinked, char *path) {
    const char *ending = file == 'w' ? "-wal" : file == 's' ? "-shm" : file == 'j' ? "-journal" : "";
    snprintf(path, 2 * NAME, "%s/outbox.sqlite%s%s", folder, ending, unlinked ? ".unlinked" : "");
}

/* The machine stops: writes that were not synced are lost. */
static void lose(void) {
    char path[2 * NAME], hidden[2 * NAME];
    armed = 0;
    for (int place = undone - 1; place >= 0; place--) {
        struct undo *last = &undos[place];
        if (mode == HALF_POWER && place % 2) continue;
        path_of(last->file, 0, path);
        if (access(path, F_OK)) path_of(last->file, 1, path);
        int descriptor = open(path, O_RDWR);
        if (descriptor < 0) continue;
        if (pwrite(descriptor, last->bytes, last->length, last->at) < 0) abort();
        if (mode == POWER && ftruncate(descriptor, last->size)) abort();
        for (size_t beyond = last->length; mode == HALF_POWER && beyond < last->written; beyond++)
            if (pwrite(descriptor, "", 1, last->at + (off_t)beyond) < 0) abort();
        close(descriptor);
    }
    for (const char *file = "wsj"; *file; file++) {
        path_of(*file, 0, path);
        path_of(*file, 1, hidden);
        if (access(path, F_OK)) rename(hidden, path);
    }
}

static void die(void) {
    kill(getpid(), SIGKILL);
    pause();
}

/* Notes the operation; whether it is to fail. */
static int strikes(char what, char file) {
    if (!file) return 0;
    if (noted < OPERATIONS) {
        trace[2 * noted] = what;
        trace[2 * noted + 1] = file;
        noted++;
    }
    if (!strchr(counted, what) || ++count < nth || !nth || (mode == ONCE && count > nth)) return 0;
    if (mode == POWER || mode == HALF_POWER) lose();
    if (mode == KILL || mode == POWER || mode == HALF_POWER) die();
    errno = code;
    return 1;
}

static void remember(int descriptor, char file, off_t at, size_t written) {
    struct stat now;
    if ((mode != POWER && mode != HALF_POWER) || !file || file == 's' || undone == WRITES || fstat(descriptor, &now)) return;
    size_t length = at >= now.st_size ? 0 : at + (off_t)written > now.st_size ? (size_t)(now.st_size - at) : written;
    struct undo made = {file, at, length, written, now.st_size, malloc(length + 1)};
    if (!made.bytes || pread(descriptor, made.bytes, length, at) != (ssize_t)length) abort();
    undos[undone++] = made;
}

static void forget(char file) {
    int kept = 0;
    for (int place = 0; place < undone; place++) {
        if (undos[place].file == file) free(undos[place].bytes);
        else undos[kept++] = undos[place];
    }
    undone = kept;
    char path[2 * NAME];
    for (const char *each = "wsj"; file == 'f' && *each; each++) {
        path_of(*each, 1, path);
        remove(path);
    }
}

void faults_arm(const char *where, const char *kinds, long number, int what, int error) {
    snprintf(folder, sizeof folder, "%s", where);
    snprintf(counted, sizeof counted, "%s", kinds);
    noted = count = undone = 0;
    nth = number, mode = what, code = error, armed = 1;
}

void faults_disarm(void) { armed = 0; }

const char *faults_trace(void) {
    trace[2 * noted] = 0;
    return trace;
}

static int opened(int descriptor, char file) {
    if (descriptor >= 0 && descriptor < FILES) files[descriptor] = file;
    return descriptor;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, #name, const char *, int, ...); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t permissions = flags & O_CREAT ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        char file = file_at(path); \
        return strikes('o', file) ? -1 : opened(real(path, flags, permissions), file); \
    }
#define OPENAT(name) \
    int name(int base, const char *path, int flags, ...) { \
        REAL(int, #name, int, const char *, int, ...); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t permissions = flags & O_CREAT ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        char file = file_at(path); \
        return strikes('o', file) ? -1 : opened(real(base, path, flags, permissions), file); \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int close(int descriptor) {
    REAL(int, "close", int);
    if (descriptor >= 0 && descriptor < FILES) files[descriptor] = 0;
    return real(descriptor);
}

#define PREAD(name) \
    ssize_t name(int descriptor, void *bytes, size_t length, off_t at) { \
        REAL(ssize_t, #name, int, void *, size_t, off_t); \
        return strikes('r', file_of(descriptor)) ? -1 : real(descriptor, bytes, length, at); \
    }
PREAD(pread)
PREAD(pread64)

/* What a full disk, or a machine that stops, leaves of a write is its first half. */
#define PWRITE(name) \
    ssize_t name(int descriptor, const void *bytes, size_t length, off_t at) { \
        REAL(ssize_t, #name, int, const void *, size_t, off_t); \
        char file = file_of(descriptor); \
        if (strikes('w', file)) { \
            if (mode == TORN || code == ENOSPC) (void)!real(descriptor, bytes, length / 2, at); \
            if (mode == TORN) die(); \
            errno = code; \
            return -1; \
        } \
        remember(descriptor, file, at, length); \
        return real(descriptor, bytes, length, at); \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define SYNC(name) \
    int name(int descriptor) { \
        REAL(int, #name, int); \
        char file = file_of(descriptor); \
        if (strikes('s', file)) return -1; \
        int failed = real(descriptor); \
        if (file && !failed) forget(file); \
        return failed; \
    }
SYNC(fsync)
SYNC(fdatasync)

#define TRUNCATE(name) \
    int name(int descriptor, off_t length) { \
        REAL(int, #name, int, off_t); \
        char file = file_of(descriptor); \
        struct stat now; \
        if (strikes('t', file)) return -1; \
        if (file && !fstat(descriptor, &now) && now.st_size > length) remember(descriptor, file, length, (size_t)(now.st_size - length)); \
        return real(descriptor, length); \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

#define MAP(name) \
    void *name(void *start, size_t length, int protection, int flags, int descriptor, off_t at) { \
        REAL(void *, #name, void *, size_t, int, int, int, off_t); \
        return strikes('m', file_of(descriptor)) ? MAP_FAILED : real(start, length, protection, flags, descriptor, at); \
    }
MAP(mmap)
MAP(mmap64)

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    char file = file_at(path), hidden[2 * NAME];
    if (strikes('u', file)) return -1;
    if (!file || (mode != POWER && mode != HALF_POWER)) return real(path);
    path_of(file, 1, hidden);
    return rename(path, hidden);
}

/* To give a lock back never fails. Those of the shared memory have a letter of their own: SQLite takes an error there for a lock that
 * another process holds, and tries for ten seconds. */
#define LOCK(name) \
    int name(int descriptor, int command, ...) { \
        REAL(int, #name, int, int, ...); \
        va_list rest; \
        va_start(rest, command); \
        void *argument = va_arg(rest, void *); \
        va_end(rest); \
        int locks = (command == F_SETLK || command == F_SETLKW) && ((struct flock *)argument)->l_type != F_UNLCK; \
        char file = file_of(descriptor); \
        return locks && strikes(file == 's' ? 'k' : 'l', file) ? -1 : real(descriptor, command, argument); \
    }
LOCK(fcntl)
LOCK(fcntl64)

#define STAT(name, structure) \
    int name(const char *path, struct structure *found) { \
        REAL(int, #name, const char *, struct structure *); \
        return strikes('f', file_at(path)) ? -1 : real(path, found); \
    }
STAT(stat, stat)
STAT(stat64, stat64)

int fstat64(int descriptor, struct stat64 *found) {
    REAL(int, "fstat64", int, struct stat64 *);
    return strikes('f', file_of(descriptor)) ? -1 : real(descriptor, found);
}

int access(const char *path, int how) {
    REAL(int, "access", const char *, int);
    return strikes('f', file_at(path)) ? -1 : real(path, how);
}
