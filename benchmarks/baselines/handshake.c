#include "handshake.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* SHA-1 (FIPS 180-4) of up to 119 bytes: two blocks, enough for a key and its GUID. */
static uint32_t rotated(uint32_t word, int bits)
{
    return word << bits | word >> (32 - bits);
}

static void sha1(const char *text, size_t bytes, unsigned char digest[20])
{
    unsigned char padded[128] = {0};
    size_t blocks = bytes < 56 ? 1 : 2;
    memcpy(padded, text, bytes);
    padded[bytes] = 0x80;
    padded[blocks * 64 - 2] = (unsigned char)(bytes * 8 >> 8);
    padded[blocks * 64 - 1] = (unsigned char)(bytes * 8);
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    for (size_t block = 0; block < blocks; block++) {
        uint32_t w[80];
        for (int t = 0; t < 16; t++) {
            const unsigned char *p = padded + block * 64 + t * 4;
            w[t] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        }
        for (int t = 16; t < 80; t++)
            w[t] = rotated(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
        uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        for (int t = 0; t < 80; t++) {
            uint32_t f, k;
            if (t < 20)
                f = (b & c) | (~b & d), k = 0x5a827999;
            else if (t < 40)
                f = b ^ c ^ d, k = 0x6ed9eba1;
            else if (t < 60)
                f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
            else
                f = b ^ c ^ d, k = 0xca62c1d6;
            uint32_t next = rotated(a, 5) + f + e + k + w[t];
            e = d, d = c, c = rotated(b, 30), b = a, a = next;
        }
        h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
    }
    for (int i = 0; i < 20; i++)
        digest[i] = (unsigned char)(h[i / 4] >> (24 - i % 4 * 8));
}

void accept_key(const char *key, char accept[29])
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[64];
    unsigned char digest[21] = {0};
    int bytes = snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    sha1(text, (size_t)bytes, digest);
    for (int i = 0; i < 7; i++) {
        const unsigned char *p = digest + i * 3;
        uint32_t three = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        for (int j = 0; j < 4; j++)
            accept[i * 4 + j] = digits[three >> (18 - j * 6) & 63];
    }
    accept[27] = '=';
    accept[28] = '\0';
}
