#define _GNU_SOURCE
#include "delivery.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { FAULT_AT = 50 }; /* the delivery, or the ack, that goes wrong */

static const char *const fault_names[] = {"", "drop", "duplicate", "swap", "no-ack", "two-acks"};
static enum fault { NONE, DROP, DUPLICATE, SWAP, NO_ACK, TWO_ACKS } fault;

void set_fault(const char *name)
{
    for (size_t i = 1; i < sizeof fault_names / sizeof *fault_names; i++)
        if (strcmp(name, fault_names[i]) == 0) {
            fault = (enum fault)i;
            return;
        }
    fprintf(stderr, "--fault is drop, duplicate, swap, no-ack or two-acks\n");
    exit(2);
}

void deliver(struct connection *member, const void *frame, size_t bytes, put_function *how)
{
    static unsigned long deliveries;
    static char kept[MAX_FRAME_BYTES];
    static size_t kept_bytes;
    static struct connection *kept_for;
    if (fault == NONE) {
        how(member, frame, bytes);
        return;
    }
    bool wrong = ++deliveries == FAULT_AT;
    if (wrong && fault == SWAP) {
        memcpy(kept, frame, bytes);
        kept_bytes = bytes;
        kept_for = member;
        return;
    }
    if (!(wrong && fault == DROP))
        how(member, frame, bytes);
    if (wrong && fault == DUPLICATE)
        how(member, frame, bytes);
    if (kept_for == member) {
        how(member, kept, kept_bytes);
        kept_for = NULL;
    }
}

unsigned acks_due(void)
{
    static unsigned long acks;
    if ((fault != NO_ACK && fault != TWO_ACKS) || ++acks != FAULT_AT)
        return 1;
    return fault == NO_ACK ? 0 : 2;
}

/* The time with its milliseconds, written anew when they have changed. */
static const char *sent_at_now(void)
{
    static struct timespec named;
    static char second[32], at[64];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_nsec = now.tv_nsec / 1000000 % 1000;
    if (now.tv_sec != named.tv_sec) {
        struct tm utc;
        gmtime_r(&now.tv_sec, &utc);
        strftime(second, sizeof second, "%Y-%m-%dT%H:%M:%S", &utc);
    }
    if (now.tv_sec != named.tv_sec || now.tv_nsec != named.tv_nsec)
        snprintf(at, sizeof at, "%s.%03ldZ", second, now.tv_nsec);
    named = now;
    return at;
}

static const char *next_id(void)
{
    static uint64_t high, low;
    static char id[33];
    if (low == 0) {
        if (getrandom(&high, sizeof high, 0) != sizeof high)
            give_up("random");
        snprintf(id, sizeof id, "%016llx", (unsigned long long)high);
    }
    for (int i = 0; i < 16; i++)
        id[16 + i] = "0123456789abcdef"[low >> (60 - i * 4) & 15];
    ++low;
    return id;
}

bool make_delivery(struct connection *sender, const unsigned char *text, size_t bytes,
                   struct delivery *made)
{
    static const char before[] = "{\"data\":{\"message\":\"", after[] = "\"}}";
    const size_t before_bytes = sizeof before - 1, after_bytes = sizeof after - 1;
    if (bytes < before_bytes + after_bytes || bytes > MAX_FRAME_BYTES / 2
        || memcmp(text, before, before_bytes) != 0
        || memcmp(text + bytes - after_bytes, after, after_bytes) != 0)
        return false;
    const unsigned char *message = text + before_bytes;
    size_t message_bytes = bytes - before_bytes - after_bytes;
    for (size_t i = 0; i < message_bytes; i++)
        if (message[i] < 0x20 || message[i] > 0x7e || message[i] == '"' || message[i] == '\\')
            return false;

    static char out[MAX_FRAME_BYTES];
    struct room *room = sender->room;
    made->seq = ++room->seq;
    made->id = next_id();
    made->sent_at = sent_at_now();
    int length = snprintf(out, sizeof out,
                          "{\"type\":\"message\",\"id\":\"%s\",\"seq\":%llu,"
                          "\"room\":\"%s\",\"sender\":\"%s\",\"sent_at\":\"%s\","
                          "\"data\":{\"message\":\"%.*s\"}}",
                          made->id, made->seq, room->name, sender->name, made->sent_at,
                          (int)message_bytes, (const char *)message);
    made->frame_bytes = with_head(made->frame, out, (size_t)length);
    return true;
}
