/* Sets the wall clock of one process and its children: the file that SET_CLOCK names holds by how many seconds it is off. Preloaded.
 *
 * The file is read at each look at the clock, so it may be written while the process runs. Other clocks stay as they are.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t offset(void)
{
    char text[32] = "";
    const char *name = getenv("SET_CLOCK");
    int file = name == NULL ? -1 : open(name, O_RDONLY | O_CLOEXEC);

    if (file < 0 || read(file, text, sizeof text - 1) < 0)
        abort(); /* a test without its clock would show nothing */
    close(file);
    return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int failed = syscall(SYS_clock_gettime, clock, now);

    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += offset();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec read;
    int failed = clock_gettime(CLOCK_REALTIME, &read);

    (void)zone;
    now->tv_sec = read.tv_sec;
    now->tv_usec = read.tv_nsec / 1000;
    return failed;
}

time_t time(time_t *now)
{
    struct timespec read;

    clock_gettime(CLOCK_REALTIME, &read);
    if (now != NULL)
        *now = read.tv_sec;
    return read.tv_sec;
}
