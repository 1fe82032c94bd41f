#define _GNU_SOURCE
#include "run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 10, SPARE_DESCRIPTORS = 32 };

_Noreturn void fail(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    exit(1);
}

double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

double number_option(int argc, char **argv, const char *name, double least)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) != 0)
            continue;
        char *end;
        double value = strtod(argv[i + 1], &end);
        if (end == argv[i + 1] || *end != '\0' || !(value >= least))
            fail("%s must be a number of at least %g", name, least);
        return value;
    }
    fail("%s is missing", name);
}

void hand_over(const char *word)
{
    char line[64];
    printf("%s\n", word);
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL)
        fail("the runner hung up after %s", word);
}

void allow_sockets(size_t sockets)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < sockets + SPARE_DESCRIPTORS)
        fail("the limit of %llu open files is too low for %zu sockets",
             (unsigned long long)limit.rlim_cur, sockets);
}

int connect_to(unsigned port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        fail("no socket: %s", strerror(errno));
    int one = 1;
    struct timeval patience = {.tv_sec = PATIENCE_S};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    struct sockaddr_in server = {
        .sin_family = AF_INET,
        .sin_port = htons((unsigned short)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (connect(fd, (struct sockaddr *)&server, sizeof server) != 0)
        fail("cannot connect: %s", strerror(errno));
    return fd;
}

void send_all(int socket, const void *bytes, size_t count)
{
    const char *rest = bytes;
    while (count > 0) {
        ssize_t sent = send(socket, rest, count, MSG_NOSIGNAL);
        if (sent > 0) {
            rest += sent;
            count -= (size_t)sent;
        } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            struct pollfd full = {.fd = socket, .events = POLLOUT};
            if (poll(&full, 1, PATIENCE_S * 1000) == 0)
                fail("the server has not read for %d s", PATIENCE_S);
        } else if (sent < 0 && errno != EINTR) {
            fail("cannot send: %s", strerror(errno));
        }
    }
}

void watch(int epoll, int socket, void *tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};
    fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) != 0)
        fail("cannot watch a socket: %s", strerror(errno));
}
