/* Connections that say nothing: what does the server keep for each?
 *
 * One connection a room is opened first, so that the code, the rooms and the allocator's first
 * pages are not counted. Talk with the runner: "warm" with those, "open" with all the others too
 * and nothing arriving any more.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/epoll.h>

#include "member.h"
#include "run.h"

enum { EVENTS = 512 };

static const double QUIET_S = 1.0; /* silence after which a server counts as idle */
static const double MAX_SETTLE_S = 15.0;

static void heard(struct member *member, const unsigned char *text, size_t bytes)
{
    (void)member, (void)text, (void)bytes;
}

/* Read what the server has to say until it has been silent for QUIET_S. */
static void settle(int epoll)
{
    double deadline = now_s() + MAX_SETTLE_S, quiet_since = now_s();
    while (now_s() - quiet_since < QUIET_S) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll, events, EVENTS, 50);
        for (int i = 0; i < count; i++)
            read_member(events[i].data.ptr, heard);
        if (count > 0)
            quiet_since = now_s();
        if (now_s() > deadline)
            fail("the server was not silent for %g s", MAX_SETTLE_S);
    }
}

int main(int argc, char **argv)
{
    unsigned port = (unsigned)number_option(argc, argv, "--port", 1);
    unsigned rooms = (unsigned)number_option(argc, argv, "--rooms", 1);
    unsigned connections = (unsigned)number_option(argc, argv, "--connections", 1);
    allow_sockets(rooms + connections);
    struct member *members = calloc(rooms + connections, sizeof *members);
    if (members == NULL)
        fail("out of memory");

    int epoll = epoll_create1(0);
    for (unsigned i = 0; i < rooms + connections; i++) {
        if (i == rooms) {
            settle(epoll);
            hand_over("warm");
        }
        open_member(&members[i], port, i, i % rooms, heard);
        watch(epoll, members[i].socket, &members[i]);
    }
    settle(epoll);
    hand_over("open");
    return 0;
}
