/* What every load generator here shares: options, a clock, and the talk with the runner.
 *
 * The runner reads the server's CPU or memory between two quiet points. At each of them the load
 * generator prints one word and waits for a line on its standard input.
 */
#ifndef RUN_H
#define RUN_H

#include <stddef.h>

/* End the run as failed: one line on standard error, exit status 1. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Seconds of a clock that only moves forward. */
double now_s(void);

/* The value of `--name VALUE`, which must be a number of at least `least`. */
double number_option(int argc, char **argv, const char *name, double least);

/* Print `word` and wait until the runner has answered with a line. */
void hand_over(const char *word);

/* Allow as many open sockets as the machine does, and fail when `sockets` is more. */
void allow_sockets(size_t sockets);

/* A blocking connection to 127.0.0.1 whose reads and writes give up after ten seconds. */
int connect_to(unsigned port);

/* Send all of `bytes`; waits when the socket is full. */
void send_all(int socket, const void *bytes, size_t count);

/* From now on reads of `socket` do not wait, and `epoll` tells when there is something, with `tag`. */
void watch(int epoll, int socket, void *tag);

#endif
