/* The parser of addresses. Input: flags, then the text.
 *
 *  - It takes what an oracle, written from API.md, takes, and nothing else.
 *  - The canonical text is taken again, and is its own canonical text; it is "tcp://" or "unix://".
 *  - Host and port given apart are taken as in the text, and give the same.
 *  - Nothing is looked up but a name; one that is not found is no error. */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "collection/endpoint.h"
#include "fcgiproxy/error.h"
#include "fuzz/fuzz.h"

static int is_found;
static size_t lookups;

static int resolve(void *context, const char *host, uint16_t port, fcgip__address_list *list)
{
  int rc;

  (void)context;
  FUZZ_CHECK(host[0] != '\0' && strchr(host, ':') == NULL);
  lookups++;
  if (!is_found)
    return FCGIP_ERESOLVE;
  rc = fcgip__address_add_numeric(list, "192.0.2.1", port);
  return rc < 0 ? rc : FCGIP_OK;
}

static const fcgip__sys names = {.resolve_fn = resolve};

/* ---- the oracle ---- */

static const char *behind(const char *text, const char *prefix)
{
  size_t len = strlen(prefix);

  return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static int is_path(const char *path)
{
  return path[0] != '\0' && strlen(path) <= 107;
}

static int is_port(const char *text)
{
  unsigned long port = 0;

  if (text[0] < '1' || text[0] > '9' || strlen(text) > 5)
    return 0;
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9')
      return 0;
    port = port * 10 + (unsigned long)(*text - '0');
  }
  return port <= 65535;
}

static int is_scope(const char *text)
{
  char *end;
  unsigned long long number;

  if (text[0] >= '0' && text[0] <= '9') {
    number = strtoull(text, &end, 10);
    if (*end == '\0' && number > 0 && number <= UINT32_MAX)
      return 1;
  }
  return if_nametoindex(text) > 0;
}

/* Without brackets. */
static int is_v6(const char *host)
{
  char copy[300];
  char *percent;
  struct in6_addr address;

  memcpy(copy, host, strlen(host) + 1);
  percent = strchr(copy, '%');
  if (percent != NULL)
    *percent = '\0';
  return inet_pton(AF_INET6, copy, &address) == 1 && (percent == NULL || is_scope(percent + 1));
}

static int is_host(const char *host)
{
  const char *at;

  if (host[0] == '\0' || strlen(host) > 255)
    return 0;
  for (at = host; *at != '\0'; at++)
    if ((*at >= 0 && *at <= ' ') || *at == 127 || strchr("/[]", *at) != NULL)
      return 0;
  return strchr(host, ':') == NULL || is_v6(host);
}

/* "[v6]" or what has no colon. */
static int is_host_of_text(char *host)
{
  size_t len = strlen(host);

  if (host[0] != '[')
    return strchr(host, ':') == NULL && is_host(host);
  if (len < 2 || host[len - 1] != ']')
    return 0;
  host[len - 1] = '\0';
  return strchr(host + 1, ':') != NULL && is_host(host + 1);
}

static int is_address(const char *text)
{
  const char *rest = behind(text, "unix://");
  char *host, *colon;
  int result;

  if (rest == NULL)
    rest = behind(text, "unix:");
  if (rest != NULL)
    return is_path(rest);
  if (text[0] == '/')
    return is_path(text);
  rest = behind(text, "tcp://");
  host = (char *)fuzz_copy(rest != NULL ? rest : text, strlen(rest != NULL ? rest : text) + 1);
  colon = strrchr(host, ':');
  result = colon != NULL && is_port(colon + 1);
  if (colon != NULL)
    *colon = '\0';
  result = result && is_host_of_text(host);
  free(host);
  return result;
}

/* ---- the library ---- */

static void check_again(const char *canonical, const fcgip_endpoint_options *options)
{
  fcgip_endpoint *endpoint;
  int rc = fcgip__endpoint_parse(&endpoint, canonical, options, &names);

  FUZZ_CHECK(rc == FCGIP_OK || (rc == FCGIP_ENOMEM && fuzz_is_out_of_memory()));
  if (rc == FCGIP_OK)
    FUZZ_CHECK(strcmp(fcgip_endpoint_address(endpoint), canonical) == 0);
  fcgip_endpoint_free(endpoint);
}

static void check_endpoint(fcgip_endpoint *endpoint, const fcgip_endpoint_options *options)
{
  const char *canonical = fcgip_endpoint_address(endpoint);
  int is_unix = behind(canonical, "unix://") != NULL;
  size_t before = lookups;
  int rc;

  FUZZ_CHECK(is_unix || behind(canonical, "tcp://") != NULL);
  FUZZ_CHECK(lookups <= 1 && (!is_unix || lookups == 0));
  FUZZ_CHECK(fcgip__address_list_count(fcgip__endpoint_addresses(endpoint)) > 0 ||
             (lookups == 1 && !is_found));
  check_again(canonical, options);
  lookups = 0;
  rc = fcgip_endpoint_resolve(endpoint);
  FUZZ_CHECK(lookups == before || fuzz_is_out_of_memory());
  FUZZ_CHECK(rc == FCGIP_OK || (rc == FCGIP_ERESOLVE && !is_found) || fuzz_is_out_of_memory());
}

static void check_text(const char *text, const fcgip_endpoint_options *options)
{
  fcgip_endpoint *endpoint;
  int rc;

  lookups = 0;
  rc = fcgip__endpoint_parse(&endpoint, text, options, &names);
  if (rc == FCGIP_ENOMEM)
    FUZZ_CHECK(fuzz_is_out_of_memory());
  else
    FUZZ_CHECK(rc == (is_address(text) ? FCGIP_OK : FCGIP_EINVAL));
  if (rc == FCGIP_OK)
    check_endpoint(endpoint, options);
  else
    FUZZ_CHECK(endpoint == NULL);
  fcgip_endpoint_free(endpoint);
}

/* The host alone, in brackets or not. */
static int is_plain_host(const char *text)
{
  size_t len = strlen(text);
  char host[300];

  if (len < 2 || len >= sizeof(host) || text[0] != '[' || text[len - 1] != ']')
    return is_host(text);
  memcpy(host, text + 1, len - 2);
  host[len - 2] = '\0';
  return strchr(host, ':') != NULL && is_host(host);
}

static void check_host(const char *host, uint16_t port, const fcgip_endpoint_options *options)
{
  fcgip_endpoint *endpoint;
  int rc;

  lookups = 0;
  rc = fcgip__endpoint_new_tcp(&endpoint, host, port, options, &names);
  if (rc == FCGIP_ENOMEM)
    FUZZ_CHECK(fuzz_is_out_of_memory());
  else
    FUZZ_CHECK(rc == (port > 0 && is_plain_host(host) ? FCGIP_OK : FCGIP_EINVAL));
  if (rc == FCGIP_OK)
    check_endpoint(endpoint, options);
  fcgip_endpoint_free(endpoint);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  fcgip_endpoint_options options = {.struct_size = (uint32_t)sizeof(options)};
  fuzz_input in = {data, size};
  unsigned flags = fuzz_u8(&in);
  char *text;

  fuzz_begin();
  options.allocator = &fuzz_memory.hook;
  is_found = flags & 1;
  text = fuzz_alloc(in.left + 1);
  if (in.left > 0)
    memcpy(text, in.at, in.left);
  text[in.left] = '\0';
  check_text(text, &options);
  check_host(text, flags & 2 ? 9000 : 0, &options);
  free(text);
  fuzz_end();
  return 0;
}
