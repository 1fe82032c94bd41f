/* One member of a room: the client's side of RFC 6455, as far as a load needs it. */
#ifndef MEMBER_H
#define MEMBER_H

#include <stdbool.h>
#include <stddef.h>

struct member {
    int socket;
    unsigned index; /* over all rooms, from 0; each member is a user of its own */
    unsigned room;
    bool welcomed; /* the server has sent its first frame, which must be a `welcome` */
    unsigned char *held; /* the start of a frame whose end has not arrived */
    size_t held_bytes, held_capacity;
};

/* Called with each whole text frame after the welcome, in the order of arrival. */
typedef void on_text(struct member *, const unsigned char *text, size_t bytes);

/* Connect, upgrade at /ws/room-<room> with a bearer token, and wait until welcomed. */
void open_member(struct member *, unsigned port, unsigned index, unsigned room, on_text *heard);

/* Read what has arrived: any number of frames, or part of one. */
void read_member(struct member *, on_text *heard);

/* Write the masked frame of `text` to `frame` and return its size. Less than 64 KiB of text. */
size_t masked_frame(unsigned char *frame, unsigned opcode, const void *text, size_t bytes);

#endif
