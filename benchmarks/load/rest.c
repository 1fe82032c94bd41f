/* Keep-alive HTTP/1.1 connections, one request in flight on each, every answer checked.
 *
 * Each user of --users has one connection. `--method get` reads GET /user/{username}; `--method
 * put` sends PUT /user/{username}/public_key with the version that the last answer named. Every
 * answer must be 200 and name the user, or the next version. Talk with the runner: "warm" after
 * the warm-up, then one JSON line; nothing is in flight at either.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "run.h"

enum { MAX_USERS = 64, MAX_REQUEST_BYTES = 2048, MAX_ANSWER_BYTES = 16384, KEY_BYTES = 400 };

struct user {
    const char *token, *name;
    int socket;
    unsigned long long version;
    char answer[MAX_ANSWER_BYTES + 1];
    size_t answer_bytes;
};

static struct user users[MAX_USERS];
static size_t user_count, in_flight;
static unsigned port;
static bool put, asking;
static unsigned long long requests;

static void ask(struct user *user)
{
    char request[MAX_REQUEST_BYTES], body[MAX_REQUEST_BYTES / 2] = "", about_body[128] = "";
    if (put && user->version > 0) {
        /* A key no longer than a real one, and another one each time. */
        int bytes = snprintf(body, sizeof body,
                             "{\"public_key\":\"benchmark-%0*llu\",\"if_version\":%llu}",
                             KEY_BYTES - 10, user->version, user->version);
        snprintf(about_body, sizeof about_body,
                 "Content-Type: application/json\r\nContent-Length: %d\r\n", bytes);
    }
    int bytes = snprintf(request, sizeof request,
                         "%s /user/%s%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                         "Authorization: Bearer %s\r\nAccept: application/json\r\n%s\r\n%s",
                         *body ? "PUT" : "GET", user->name, *body ? "/public_key" : "", port,
                         user->token, about_body, body);
    if (bytes >= (int)sizeof request)
        fail("a request of %d bytes is too long", bytes);
    send_all(user->socket, request, (size_t)bytes);
    user->answer_bytes = 0;
    ++in_flight;
}

/* The number after "key_version" in the body; 0 when there is none. */
static unsigned long long key_version(const char *body)
{
    const char *key = strstr(body, "\"key_version\":");
    return key == NULL ? 0 : strtoull(key + strlen("\"key_version\":"), NULL, 10);
}

static void check(struct user *user, const char *body)
{
    unsigned long long version = key_version(body);
    if (strncmp(user->answer, "HTTP/1.1 200 ", 13) != 0)
        fail("%s was answered %.60s", user->name, user->answer);
    if (version == 0)
        fail("%s was answered without a key_version", user->name);
    if (put && user->version > 0 && version != user->version + 1)
        fail("%s has key version %llu, but %llu is next", user->name, version, user->version + 1);
    if (!put && strstr(body, user->name) == NULL)
        fail("%s was answered without its name", user->name);
    user->version = version;
}

static void read_answer(struct user *user)
{
    ssize_t got = recv(user->socket, user->answer + user->answer_bytes,
                       MAX_ANSWER_BYTES - user->answer_bytes, 0);
    if (got <= 0)
        fail("%s lost its connection, or an answer is too long", user->name);
    user->answer_bytes += (size_t)got;
    user->answer[user->answer_bytes] = '\0';
    char *body = strstr(user->answer, "\r\n\r\n");
    if (body == NULL)
        return;
    const char *length = strcasestr(user->answer, "\r\ncontent-length:");
    if (length == NULL || length > body)
        fail("%s was answered without Content-Length", user->name);
    body += 4;
    size_t whole = strtoull(length + strlen("\r\ncontent-length:"), NULL, 10);
    size_t arrived = user->answer_bytes - (size_t)(body - user->answer);
    if (arrived < whole)
        return;
    if (arrived > whole)
        fail("%s was answered more than once", user->name);
    check(user, body);
    --in_flight;
    ++requests;
    if (asking)
        ask(user);
}

static void traffic(int epoll, double seconds)
{
    double deadline = now_s() + seconds, progress_at = now_s();
    asking = true;
    for (size_t i = 0; i < user_count; i++)
        ask(&users[i]);
    while (in_flight > 0) {
        struct epoll_event events[MAX_USERS];
        asking = now_s() < deadline;
        int count = epoll_wait(epoll, events, MAX_USERS, 100);
        for (int i = 0; i < count; i++)
            read_answer(events[i].data.ptr);
        if (count > 0)
            progress_at = now_s();
        else if (now_s() - progress_at > 10)
            fail("%zu requests have not been answered for 10 s", in_flight);
    }
}

/* `token:username` pairs, separated by commas. */
static void read_users(char *pairs)
{
    for (char *pair = strtok(pairs, ","); pair != NULL; pair = strtok(NULL, ",")) {
        char *colon = strrchr(pair, ':');
        if (colon == NULL || user_count == MAX_USERS)
            fail("--users must be 1 to %d pairs token:username", (int)MAX_USERS);
        *colon = '\0';
        users[user_count++] = (struct user){.token = pair, .name = colon + 1};
    }
}

int main(int argc, char **argv)
{
    port = (unsigned)number_option(argc, argv, "--port", 1);
    double warm_up_s = number_option(argc, argv, "--warm-up-s", 0);
    double seconds = number_option(argc, argv, "--seconds", 0);
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--users") == 0)
            read_users(argv[i + 1]);
        if (strcmp(argv[i], "--method") == 0)
            put = strcmp(argv[i + 1], "put") == 0;
    }
    if (user_count == 0)
        fail("--users is missing");

    int epoll = epoll_create1(0);
    for (size_t i = 0; i < user_count; i++) {
        users[i].socket = connect_to(port);
        watch(epoll, users[i].socket, &users[i]);
    }
    /* The first request of each user is a GET in any case: it tells the key's version. */
    traffic(epoll, warm_up_s);
    hand_over("warm");
    requests = 0;
    double started = now_s();
    traffic(epoll, seconds);
    printf("{\"requests\": %llu, \"seconds\": %.6f}\n", requests, now_s() - started);
    return 0;
}
