/* What is said in the rooms and what everybody must hear, whatever carries it.
 *
 * A publisher has at most --window messages under way; a message is done when all members of its
 * room have it, itself included, and with --acks 1 when it is acknowledged too. Each member must
 * get each message of each publisher of its room once, whole and in the order sent, and every
 * member the same order (`seq` without a hole). Each message must be acknowledged once, in the
 * order sent, with the seq under which its room got it. Anything else ends the run as failed.
 *
 * Talk with the runner: "warm" after the warm-up, then one JSON line about the measured part.
 * At both moments nothing is in flight, so the server's CPU between them belongs to exactly the
 * messages counted.
 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>

enum { MESSAGE_BYTES = 340, MAX_WINDOW = 64 };

struct transport {
    /* Send `count` messages of MESSAGE_BYTES each, which follow each other. */
    void (*send)(unsigned member, const char *messages, unsigned count);
    /* Handle what arrives, and wait for it no longer than that. */
    void (*listen)(int wait_ms);
};

/* Read --rooms, --members, --publishers, --window and --acks; return the number of members.
 *
 * Member `i` is in room `i / members of a room`; the first of each room publish.
 */
unsigned plan_traffic(int argc, char **argv);
unsigned room_of(unsigned member);
bool publishes(unsigned member);

/* The member got a message. `previous` is the seq that its room had before this one. */
void delivered(unsigned member, const char *message, size_t bytes, unsigned long long seq,
               unsigned long long previous);

/* The member's oldest message that was not acknowledged is acknowledged. */
void acked(unsigned member, unsigned long long seq);

/* Warm up for --warm-up-s, measure --seconds, give up after --stall-s without progress. */
void run_traffic(int argc, char **argv, const struct transport *);

#endif
