/* The answer to a WebSocket's key. */
#ifndef HANDSHAKE_H
#define HANDSHAKE_H

/* The 28 characters that answer a Sec-WebSocket-Key (RFC 6455, section 4.2.2). */
void accept_key(const char *key, char accept[29]);

#endif
