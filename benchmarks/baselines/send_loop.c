/* The limit: a WebSocket relay on epoll that does the least a relay can do.
 *
 * For each frame: unmask, check its shape, encode the delivery once, and one `send` for each member
 * of the room. Nothing is stored, nobody is asked who a token belongs to, and only the shape that
 * the load sends is understood: everything else ends the connection.
 *
 * `--port 0` lets the kernel choose; the line `ready <port>` says which. `--fault drop`,
 * `duplicate` or `swap` makes one wrong delivery to one member, for the test that the load
 * generator sees it.
 */
#include <stdlib.h>

#include "delivery.h"
#include "loop.h"

static bool relay(struct connection *sender, const unsigned char *text, size_t bytes)
{
    static struct delivery made;
    if (!make_delivery(sender, text, bytes, &made))
        return false;
    struct room *room = sender->room;
    for (size_t i = 0; i < room->count; i++)
        deliver(room->members[i], made.frame, made.frame_bytes, put);
    return true;
}

int main(int argc, char **argv)
{
    const char *port = option(argc, argv, "--port"), *fault = option(argc, argv, "--fault");
    if (fault != NULL)
        set_fault(fault);
    static const struct server server = {.hear = relay};
    serve((unsigned short)(port == NULL ? 0 : atoi(port)), &server);
}
