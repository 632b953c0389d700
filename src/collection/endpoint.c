#include "collection/endpoint.h"

#include <string.h>

#include "base/buffer.h"
#include "base/options.h"
#include "base/refs.h"
#include "base/text.h"
#include "fcgiproxy/error.h"

#define HOST_MAX 255u

struct fcgip_endpoint {
  fcgip__refs refs;
  fcgip__mem mem;
  const fcgip__sys *sys;
  fcgip_endpoint_options options;
  char *address; /* canonical text */
  char *name;    /* the host if it is a name, else NULL */
  uint16_t port;
  fcgip__address_list *addresses;
};

static uint32_t or_default(uint32_t value, uint32_t when_zero)
{
  return value == 0 ? when_zero : value;
}

/* Reads the caller's options and fills in the defaults. */
static int import_options(fcgip_endpoint_options *o, const fcgip_endpoint_options *given)
{
  memset(o, 0, sizeof(*o));
  if (given != NULL) {
    int rc = fcgip__options_import(o, sizeof(*o), given, sizeof(*o));

    if (rc < 0)
      return rc;
  }
  if (o->flags != 0 || o->reserved != 0)
    return FCGIP_EINVAL;
  o->struct_size = (uint32_t)sizeof(*o);
  o->connect_timeout_ms = or_default(o->connect_timeout_ms, 5000);
  o->read_write_timeout_ms = or_default(o->read_write_timeout_ms, 5000);
  o->first_byte_timeout_ms = or_default(o->first_byte_timeout_ms, FCGIP__NONE);
  o->request_timeout_ms = or_default(o->request_timeout_ms, FCGIP__NONE);
  o->max_connections = or_default(o->max_connections, 128);
  o->max_queued = or_default(o->max_queued, FCGIP__NONE);
  o->idle_timeout_ms = or_default(o->idle_timeout_ms, 1000);
  o->max_requests_per_connection = or_default(o->max_requests_per_connection, FCGIP__NONE);
  o->max_header_bytes = or_default(o->max_header_bytes, 64 * 1024);
  o->max_headers = or_default(o->max_headers, 256);
  o->max_stderr_bytes = or_default(o->max_stderr_bytes, 1024 * 1024);
  if (o->max_body_bytes == 0)
    o->max_body_bytes = UINT64_C(256) * 1024 * 1024;
  o->weight = or_default(o->weight, 1);
  return FCGIP_OK;
}

static int endpoint_alloc(fcgip_endpoint **out, const fcgip_endpoint_options *options,
                          const fcgip__sys *sys)
{
  fcgip_endpoint_options filled;
  fcgip_endpoint *endpoint;
  fcgip__mem mem;
  int rc = import_options(&filled, options);

  if (rc < 0)
    return rc;
  rc = fcgip__mem_import(&mem, filled.allocator);
  if (rc < 0)
    return rc;
  endpoint = fcgip__mem_calloc(&mem, 1, sizeof(*endpoint));
  if (endpoint == NULL)
    return FCGIP_ENOMEM;
  fcgip__refs_init(&endpoint->refs);
  endpoint->mem = mem;
  endpoint->sys = sys;
  endpoint->options = filled;
  endpoint->options.allocator = NULL;
  endpoint->addresses = fcgip__address_list_new(&mem);
  if (endpoint->addresses == NULL) {
    fcgip_endpoint_free(endpoint);
    return FCGIP_ENOMEM;
  }
  *out = endpoint;
  return FCGIP_OK;
}

/* The canonical text from its parts; port 0 for none. */
static int set_address(fcgip_endpoint *endpoint, const char *scheme, const char *place,
                       uint16_t port)
{
  int brackets = port != 0 && strchr(place, ':') != NULL;
  fcgip__buffer text;
  size_t len;
  int rc;

  fcgip__buffer_init(&text, &endpoint->mem, 1024);
  rc = fcgip__buffer_add_text(&text, scheme);
  if (rc == FCGIP_OK && brackets)
    rc = fcgip__buffer_add_byte(&text, '[');
  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add_text(&text, place);
  if (rc == FCGIP_OK && brackets)
    rc = fcgip__buffer_add_byte(&text, ']');
  if (rc == FCGIP_OK && port != 0)
    rc = fcgip__buffer_add_byte(&text, ':');
  if (rc == FCGIP_OK && port != 0)
    rc = fcgip__buffer_add_number(&text, port);
  endpoint->address = (char *)fcgip__buffer_detach(&text, &len);
  return rc;
}

static int host_is_valid(const char *host, size_t len)
{
  size_t i;

  if (len == 0 || len > HOST_MAX)
    return 0;
  for (i = 0; i < len; i++) {
    unsigned char c = (unsigned char)host[i];

    if (c <= ' ' || c == 0x7f || c == '/' || c == '[' || c == ']')
      return 0;
  }
  return 1;
}

/* Numeric addresses are read in place; a name is kept and looked up. A name that has no address is no failure of
 * the endpoint: each request to it will say so. */
static int set_host(fcgip_endpoint *endpoint, const char *host, size_t len, uint16_t port)
{
  int rc;

  endpoint->port = port;
  endpoint->name = fcgip__mem_strndup(&endpoint->mem, host, len);
  if (endpoint->name == NULL)
    return FCGIP_ENOMEM;
  rc = set_address(endpoint, "tcp://", endpoint->name, port);
  if (rc < 0)
    return rc;
  rc = fcgip__address_add_numeric(endpoint->addresses, endpoint->name, port);
  if (rc < 0)
    return rc;
  if (rc == 1) {
    fcgip__mem_free(&endpoint->mem, endpoint->name);
    endpoint->name = NULL;
    return FCGIP_OK;
  }
  if (strchr(endpoint->name, ':') != NULL) /* neither an address nor a name */
    return FCGIP_EINVAL;
  rc = fcgip_endpoint_resolve(endpoint);
  return rc == FCGIP_ERESOLVE ? FCGIP_OK : rc;
}

static int new_tcp(fcgip_endpoint **out, const char *host, size_t len, uint16_t port,
                   const fcgip_endpoint_options *options, const fcgip__sys *sys)
{
  fcgip_endpoint *endpoint;
  int rc;

  if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
    host++;
    len -= 2;
    if (memchr(host, ':', len) == NULL) /* brackets are for IPv6 (RFC 3986 section 3.2.2) */
      return FCGIP_EINVAL;
  }
  if (!host_is_valid(host, len) || port == 0)
    return FCGIP_EINVAL;
  rc = endpoint_alloc(&endpoint, options, sys);
  if (rc < 0)
    return rc;
  rc = set_host(endpoint, host, len, port);
  if (rc < 0) {
    fcgip_endpoint_free(endpoint);
    return rc;
  }
  *out = endpoint;
  return FCGIP_OK;
}

int fcgip__endpoint_new_tcp(fcgip_endpoint **out, const char *host, uint16_t port,
                            const fcgip_endpoint_options *options, const fcgip__sys *sys)
{
  if (out == NULL)
    return FCGIP_EINVAL;
  *out = NULL;
  if (host == NULL)
    return FCGIP_EINVAL;
  return new_tcp(out, host, strlen(host), port, options, sys);
}

int fcgip_endpoint_new_tcp(fcgip_endpoint **out, const char *host, uint16_t port,
                           const fcgip_endpoint_options *options)
{
  return fcgip__endpoint_new_tcp(out, host, port, options, &fcgip__sys_posix);
}

int fcgip_endpoint_new_unix(fcgip_endpoint **out, const char *path,
                            const fcgip_endpoint_options *options)
{
  fcgip_endpoint *endpoint;
  int rc;

  if (out == NULL)
    return FCGIP_EINVAL;
  *out = NULL;
  if (path == NULL || path[0] == '\0' || strlen(path) > fcgip__address_path_max())
    return FCGIP_EINVAL;
  rc = endpoint_alloc(&endpoint, options, &fcgip__sys_posix);
  if (rc < 0)
    return rc;
  rc = set_address(endpoint, "unix://", path, 0);
  if (rc == FCGIP_OK)
    rc = fcgip__address_add_unix(endpoint->addresses, path);
  if (rc < 0) {
    fcgip_endpoint_free(endpoint);
    return rc;
  }
  *out = endpoint;
  return FCGIP_OK;
}

/* The text behind `prefix`, NULL if it does not begin with it. */
static const char *behind(const char *text, const char *prefix)
{
  size_t len = strlen(prefix);

  return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static int parse_tcp(fcgip_endpoint **out, const char *text, const fcgip_endpoint_options *options,
                     const fcgip__sys *sys)
{
  const char *colon = strrchr(text, ':');
  uint64_t port;
  size_t len;

  if (colon == NULL)
    return FCGIP_EINVAL;
  len = (size_t)(colon - text);
  if (text[0] != '[' && memchr(text, ':', len) != NULL) /* an IPv6 address needs brackets here */
    return FCGIP_EINVAL;
  if (text[0] == '[' && (len == 0 || text[len - 1] != ']'))
    return FCGIP_EINVAL;
  /* A leading zero would be octal to some and decimal to others. */
  if (colon[1] == '0' || fcgip__parse_u64(colon + 1, strlen(colon + 1), &port) < 0 ||
      port > UINT16_MAX)
    return FCGIP_EINVAL;
  return new_tcp(out, text, len, (uint16_t)port, options, sys);
}

int fcgip__endpoint_parse(fcgip_endpoint **out, const char *address,
                          const fcgip_endpoint_options *options, const fcgip__sys *sys)
{
  const char *rest;

  if (out == NULL)
    return FCGIP_EINVAL;
  *out = NULL;
  if (address == NULL)
    return FCGIP_EINVAL;
  if ((rest = behind(address, "unix://")) != NULL || (rest = behind(address, "unix:")) != NULL)
    return fcgip_endpoint_new_unix(out, rest, options);
  if (address[0] == '/')
    return fcgip_endpoint_new_unix(out, address, options);
  if ((rest = behind(address, "tcp://")) != NULL)
    return parse_tcp(out, rest, options, sys);
  return parse_tcp(out, address, options, sys);
}

int fcgip_endpoint_parse(fcgip_endpoint **out, const char *address,
                         const fcgip_endpoint_options *options)
{
  return fcgip__endpoint_parse(out, address, options, &fcgip__sys_posix);
}

int fcgip_endpoint_resolve(fcgip_endpoint *endpoint)
{
  fcgip__address_list *found;
  int rc;

  if (endpoint == NULL)
    return FCGIP_EINVAL;
  if (endpoint->name == NULL)
    return FCGIP_OK;
  found = fcgip__address_list_new(&endpoint->mem);
  if (found == NULL)
    return FCGIP_ENOMEM;
  rc = endpoint->sys->resolve_fn(endpoint->sys->context, endpoint->name, endpoint->port, found);
  if (rc < 0) {
    fcgip__address_list_free(found);
    return rc;
  }
  fcgip__address_list_interleave(found);
  fcgip__address_list_free(endpoint->addresses);
  endpoint->addresses = found;
  return FCGIP_OK;
}

const char *fcgip_endpoint_address(const fcgip_endpoint *endpoint)
{
  return endpoint != NULL ? endpoint->address : "";
}

fcgip_endpoint *fcgip__endpoint_ref(const fcgip_endpoint *endpoint)
{
  fcgip_endpoint *own = (fcgip_endpoint *)(uintptr_t)endpoint;

  fcgip__refs_take(&own->refs);
  return own;
}

void fcgip_endpoint_free(fcgip_endpoint *endpoint)
{
  fcgip__mem mem;

  if (endpoint == NULL || !fcgip__refs_drop(&endpoint->refs))
    return;
  mem = endpoint->mem;
  fcgip__address_list_free(endpoint->addresses);
  fcgip__mem_free(&mem, endpoint->name);
  fcgip__mem_free(&mem, endpoint->address);
  fcgip__mem_free(&mem, endpoint);
}

const fcgip_endpoint_options *fcgip__endpoint_options(const fcgip_endpoint *endpoint)
{
  return &endpoint->options;
}

const fcgip__mem *fcgip__endpoint_mem(const fcgip_endpoint *endpoint)
{
  return &endpoint->mem;
}

const fcgip__address_list *fcgip__endpoint_addresses(const fcgip_endpoint *endpoint)
{
  return endpoint->addresses;
}
