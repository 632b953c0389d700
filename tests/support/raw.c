#include "support/raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { RAW_BEGIN_REQUEST = 1, RAW_END_REQUEST = 3, RAW_PARAMS = 4, RAW_STDIN = 5, RAW_STDOUT = 6 };

/* Requests of this file are short: all parameters together have to fit. */
enum { RAW_PARAMS_CAP = 2048 };

static socklen_t raw_parse_tcp(const char *address, struct sockaddr_in *in)
{
  char host[64];
  const char *colon = strrchr(address, ':');
  size_t len = colon != NULL ? (size_t)(colon - address) : sizeof(host);

  if (len >= sizeof(host))
    return 0;
  memcpy(host, address, len);
  host[len] = '\0';
  memset(in, 0, sizeof(*in));
  in->sin_family = AF_INET;
  in->sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
  return inet_pton(AF_INET, host, &in->sin_addr) == 1 ? (socklen_t)sizeof(*in) : 0;
}

static socklen_t raw_parse_unix(const char *path, struct sockaddr_un *un)
{
  if (strlen(path) >= sizeof(un->sun_path))
    return 0;
  memset(un, 0, sizeof(*un));
  un->sun_family = AF_UNIX;
  memcpy(un->sun_path, path, strlen(path) + 1);
  return (socklen_t)sizeof(*un);
}

int raw_connect(const char *address, int timeout_ms)
{
  union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_un un;
  } peer;
  struct timeval timeout = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};
  socklen_t len = 0;
  int fd, saved;

  if (strncmp(address, "tcp://", 6) == 0)
    len = raw_parse_tcp(address + 6, &peer.in);
  else if (strncmp(address, "unix://", 7) == 0)
    len = raw_parse_unix(address + 7, &peer.un);
  if (len == 0) {
    errno = EINVAL;
    return -1;
  }

  fd = socket(peer.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0 &&
      connect(fd, &peer.any, len) == 0)
    return fd;
  saved = errno;
  close(fd);
  errno = saved;
  return -1;
}

static int raw_send_all(int fd, const uint8_t *data, size_t len)
{
  while (len > 0) {
    ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

    if (n < 0)
      return -1;
    data += n;
    len -= (size_t)n;
  }
  return 0;
}

/* A record: 8 bytes of header, content of up to 65,535 bytes, no padding. */
static size_t raw_put_record(uint8_t *to, int type, const uint8_t *content, size_t len)
{
  const uint8_t header[8] = {1, (uint8_t)type, 0, 1, (uint8_t)(len >> 8), (uint8_t)len, 0, 0};

  memcpy(to, header, sizeof(header));
  if (len > 0)
    memcpy(to + sizeof(header), content, len);
  return sizeof(header) + len;
}

/* A name-value pair, with lengths of 4 bytes as the shorter form is not obligatory. */
static int raw_put_pair(uint8_t *to, size_t *len, const char *name, const char *value)
{
  size_t name_len = strlen(name), value_len = strlen(value);

  if (*len + 8 + name_len + value_len > RAW_PARAMS_CAP) {
    errno = E2BIG;
    return -1;
  }
  to += *len;
  to[0] = 0x80;
  to[1] = 0;
  to[2] = (uint8_t)(name_len >> 8);
  to[3] = (uint8_t)name_len;
  to[4] = 0x80;
  to[5] = 0;
  to[6] = (uint8_t)(value_len >> 8);
  to[7] = (uint8_t)value_len;
  memcpy(to + 8, name, name_len);
  memcpy(to + 8 + name_len, value, value_len);
  *len += 8 + name_len + value_len;
  return 0;
}

int raw_send_get(int fd, const char *script_filename, const char *script_name, const char *query)
{
  static const uint8_t begin[8] = {0, 1 /* responder */, 0 /* close after it */, 0, 0, 0, 0, 0};
  uint8_t params[RAW_PARAMS_CAP], wire[RAW_PARAMS_CAP + 64];
  size_t params_len = 0, len = 0;

  if (raw_put_pair(params, &params_len, "REQUEST_METHOD", "GET") != 0 ||
      raw_put_pair(params, &params_len, "SCRIPT_FILENAME", script_filename) != 0 ||
      raw_put_pair(params, &params_len, "SCRIPT_NAME", script_name) != 0 ||
      raw_put_pair(params, &params_len, "QUERY_STRING", query) != 0)
    return -1;

  len += raw_put_record(wire + len, RAW_BEGIN_REQUEST, begin, sizeof(begin));
  len += raw_put_record(wire + len, RAW_PARAMS, params, params_len);
  len += raw_put_record(wire + len, RAW_PARAMS, NULL, 0);
  len += raw_put_record(wire + len, RAW_STDIN, NULL, 0);
  return raw_send_all(fd, wire, len);
}

static int raw_read_all(int fd, uint8_t *to, size_t len)
{
  while (len > 0) {
    ssize_t n = recv(fd, to, len, 0);

    if (n <= 0)
      return -1;
    to += n;
    len -= (size_t)n;
  }
  return 0;
}

long raw_read_response(int fd, char *out, size_t cap)
{
  uint8_t header[8], content[65535 + 255];
  size_t total = 0, kept = 0;

  out[0] = '\0';
  for (;;) {
    size_t len, room;

    if (raw_read_all(fd, header, sizeof(header)) != 0)
      return -1;
    len = (size_t)header[4] << 8 | header[5];
    if (raw_read_all(fd, content, len + header[6]) != 0)
      return -1;
    if (header[1] == RAW_END_REQUEST)
      break;
    if (header[1] != RAW_STDOUT)
      continue;
    room = cap - 1 - kept;
    memcpy(out + kept, content, len < room ? len : room);
    kept += len < room ? len : room;
    total += len;
    out[kept] = '\0';
  }
  return (long)total;
}

long raw_get(const char *address, const char *script_filename, const char *script_name,
             const char *query, int timeout_ms, char *out, size_t cap)
{
  int fd = raw_connect(address, timeout_ms);
  long n = -1;

  if (fd < 0)
    return -1;
  if (raw_send_get(fd, script_filename, script_name, query) == 0)
    n = raw_read_response(fd, out, cap);
  close(fd);
  return n;
}
