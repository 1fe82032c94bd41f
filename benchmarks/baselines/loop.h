/* What the C servers share: connections in rooms, and the loop that reads and writes them.
 *
 * A member connects at /ws/<room> with a bearer token, which is its name: nobody is asked who it
 * belongs to. Only text frames without fragments are understood; everything else ends the
 * connection. One thread, epoll.
 */
#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_NAME_BYTES = 64, MAX_FRAME_BYTES = 64 * 1024 + 8 };

struct connection {
    int socket;
    struct room *room; /* NULL before the upgrade, and when it is over */
    size_t place;      /* in its room's members */
    char name[MAX_NAME_BYTES + 1];
    unsigned char *in; /* the start of a frame or request whose end has not arrived */
    size_t in_bytes;
    unsigned char *out; /* what the socket did not take, or what waits for `put_gathered` */
    size_t out_bytes, out_capacity;
    bool blocked;  /* the socket is full: EPOLLOUT says when it is not */
    bool gathered; /* has something that `put_gathered` sends */
    unsigned held; /* how often it was held and not let go */
};

struct room {
    char name[MAX_NAME_BYTES + 1];
    struct connection **members;
    size_t count, capacity;
    uint64_t seq;
    struct room *next;
};

/* What a server does; the loop does the rest. */
struct server {
    /* A text frame has arrived from a member; false ends its connection. */
    bool (*hear)(struct connection *, const unsigned char *text, size_t bytes);
    /* All that had arrived was heard. May be NULL. */
    void (*turned)(void);
    /* `wake` is a descriptor that has become readable; 0 for none. */
    void (*woken)(void);
    int wake;
};

/* Print `ready <port>` and serve for good; port 0 lets the kernel choose. */
_Noreturn void serve(unsigned short port, const struct server *);

/* One `send`; what the socket does not take follows when it can. */
void put(struct connection *, const void *bytes, size_t count);

/* The same for several at once: what is gathered for a connection leaves in one `send`. */
void gather(struct connection *, const void *bytes, size_t count);
void put_gathered(void);

/* Keep the memory of a connection although it may end meanwhile: `room` is NULL then. */
void hold(struct connection *);
void let_go(struct connection *);

/* Write the server's text frame of up to 64 KiB and return its size. */
size_t with_head(unsigned char *frame, const char *text, size_t bytes);

_Noreturn void give_up(const char *what);
void *grown(void *memory, size_t bytes);

/* The value of `--name VALUE`; NULL when it is not given. */
const char *option(int argc, char **argv, const char *name);

#endif
