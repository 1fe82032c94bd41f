/* A message as a room's members get it, and the wrong deliveries that a test asks for. */
#ifndef DELIVERY_H
#define DELIVERY_H

#include <stdbool.h>
#include <stddef.h>

#include "loop.h"

struct delivery {
    const char *id, *sent_at; /* until the next is made */
    unsigned long long seq;
    size_t frame_bytes;
    unsigned char frame[MAX_FRAME_BYTES];
};

/* Give `{"data":{"message":"…"}}` an id, a time and its room's next seq, and encode it once.
 *
 * False when it has another shape: no escapes in the text, no other members.
 */
bool make_delivery(struct connection *sender, const unsigned char *text, size_t bytes,
                   struct delivery *made);

/* Give the frame to one member by `put` or `gather`; wrongly, once, when a fault was asked for. */
typedef void put_function(struct connection *, const void *bytes, size_t count);
void deliver(struct connection *member, const void *frame, size_t bytes, put_function *how);

/* How many acks this message gets: one; of one message another number when that was asked for. */
unsigned acks_due(void);

/* Ask for `drop`, `duplicate` or `swap` of a delivery, or for `no-ack` or `two-acks`. */
void set_fault(const char *name);

#endif
