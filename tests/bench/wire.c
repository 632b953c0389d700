#include "wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "fcgiproxy/version.h"

void wire_header(uint8_t *out, unsigned type, uint16_t id, size_t content_len)
{
  out[0] = 1;
  out[1] = (uint8_t)type;
  out[2] = (uint8_t)(id >> 8);
  out[3] = (uint8_t)id;
  out[4] = (uint8_t)(content_len >> 8);
  out[5] = (uint8_t)content_len;
  out[6] = 0;
  out[7] = 0;
}

/* Names and values are all shorter than 128 bytes. */
static uint8_t *put_pair(uint8_t *at, const char *name, const char *value)
{
  size_t name_len = strlen(name), value_len = strlen(value);

  *at++ = (uint8_t)name_len;
  *at++ = (uint8_t)value_len;
  memcpy(at, name, name_len);
  memcpy(at + name_len, value, value_len);
  return at + name_len + value_len;
}

size_t wire_request_head(uint8_t *out, int keep, uint64_t content_len)
{
  static const char *const pairs[][2] = {{"GATEWAY_INTERFACE", "FastCGI/1.0"},
                                         {"REQUEST_METHOD", "POST"},
                                         {"REQUEST_URI", ""},
                                         {"SCRIPT_FILENAME", WIRE_SCRIPT},
                                         {"REMOTE_ADDR", "192.168.0.1"},
                                         {"REMOTE_PORT", "9985"},
                                         {"SERVER_ADDR", "127.0.0.1"},
                                         {"SERVER_PORT", "80"},
                                         {"SERVER_NAME", "localhost"},
                                         {"SERVER_PROTOCOL", "HTTP/1.1"},
                                         {"CONTENT_TYPE", "application/x-www-form-urlencoded"}};
  uint8_t *params = out + WIRE_HEADER_LEN + 8, *at = params + WIRE_HEADER_LEN;
  char text[64];
  size_t i;

  wire_header(out, WIRE_BEGIN, 1, 8);
  memset(out + WIRE_HEADER_LEN, 0, 8);
  out[WIRE_HEADER_LEN + 1] = 1; /* responder */
  out[WIRE_HEADER_LEN + 2] = keep ? 1 : 0;
  for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
    at = put_pair(at, pairs[i][0], pairs[i][1]);
  snprintf(text, sizeof(text), "libfcgiproxy/%d.%d.%d", FCGIP_VERSION_MAJOR, FCGIP_VERSION_MINOR,
           FCGIP_VERSION_PATCH);
  at = put_pair(at, "SERVER_SOFTWARE", text);
  snprintf(text, sizeof(text), "%" PRIu64, content_len);
  at = put_pair(at, "CONTENT_LENGTH", text);
  wire_header(params, WIRE_PARAMS, 1, (size_t)(at - params) - WIRE_HEADER_LEN);
  wire_header(at, WIRE_PARAMS, 1, 0);
  return (size_t)(at - out) + WIRE_HEADER_LEN;
}

size_t wire_request(uint8_t *out, int keep)
{
  uint8_t *at = out + wire_request_head(out, keep, WIRE_CONTENT_LEN);

  wire_header(at, WIRE_STDIN, 1, WIRE_CONTENT_LEN);
  memcpy(at + WIRE_HEADER_LEN, WIRE_CONTENT, WIRE_CONTENT_LEN);
  at += WIRE_HEADER_LEN + WIRE_CONTENT_LEN;
  wire_header(at, WIRE_STDIN, 1, 0);
  return (size_t)(at - out) + WIRE_HEADER_LEN;
}

int wire_walk_on(wire_walk *walk, const uint8_t *data, size_t len)
{
  while (len > 0) {
    size_t n;

    if (walk->left > 0) {
      n = len < walk->left ? len : walk->left;
      walk->left -= (uint32_t)n;
    } else {
      n = sizeof(walk->hold) - walk->held;
      n = len < n ? len : n;
      memcpy(walk->hold + walk->held, data, n);
      walk->held = (uint8_t)(walk->held + n);
    }
    data += n;
    len -= n;
    if (walk->held == sizeof(walk->hold)) {
      uint32_t content = (uint32_t)walk->hold[4] << 8 | walk->hold[5];

      if (walk->hold[0] != 1)
        bench_die("the responder does not speak FastCGI");
      walk->held = 0;
      walk->type = walk->hold[1];
      walk->left = content + walk->hold[6];
      walk->output += walk->type == WIRE_STDOUT ? content : 0;
    }
    if (walk->type == WIRE_END && walk->left == 0 && walk->held == 0)
      return 1;
  }
  return 0;
}
