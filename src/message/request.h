/* A request from inside. */
#ifndef FCGIP_MESSAGE_REQUEST_H
#define FCGIP_MESSAGE_REQUEST_H

#include "base/alloc.h"
#include "fastcgi/pairs.h"
#include "fcgiproxy/request.h"
#include "message/shared.h"
#include "message/snapshot.h"
#include "message/vars.h"

/* The variables that every request has, in the order in which they are sent. */
enum fcgip__field {
  FCGIP__GATEWAY_INTERFACE,
  FCGIP__REQUEST_METHOD,
  FCGIP__REQUEST_URI,
  FCGIP__SCRIPT_FILENAME,
  FCGIP__SERVER_SOFTWARE,
  FCGIP__REMOTE_ADDR,
  FCGIP__REMOTE_PORT,
  FCGIP__SERVER_ADDR,
  FCGIP__SERVER_PORT,
  FCGIP__SERVER_NAME,
  FCGIP__SERVER_PROTOCOL,
  FCGIP__CONTENT_TYPE,
  FCGIP__CONTENT_LENGTH,
  FCGIP__FIELD_COUNT
};

/* Room for 2^64 - 1. */
#define FCGIP__NUMBER_TEXT 21

typedef struct fcgip__field_value {
  const char *text; /* constant, or `block` */
  size_t len;
  char *block;
} fcgip__field_value;

struct fcgip_request {
  fcgip__mem mem;
  fcgip__field_value fields[FCGIP__FIELD_COUNT];
  char content_length[FCGIP__NUMBER_TEXT];
  uint16_t remote_port;
  uint16_t server_port;
  uint16_t role;
  int retry_safe;
  int php_settings_allowed;
  int body_not_kept;
  fcgip__vars vars;
  fcgip__content *content;
  struct fcgip__spool *spool; /* content of unknown length that has not come to its end yet */
  fcgip_timeouts timeouts;
  fcgip__callback **callbacks;
  size_t callback_count;
  fcgip__snapshot *snapshot; /* of the request as it is now, if it was sent since it was changed */
};

extern const char *const fcgip__field_names[FCGIP__FIELD_COUNT];

/* Calls `visit` with each variable as it will be sent, until it returns 0. */
typedef int (*fcgip__visit_fn)(void *context, const fcgip__pair *pair);
void fcgip__request_visit(const fcgip_request *request, fcgip__visit_fn visit, void *context);

/* To be called by everything that changes the request. */
void fcgip__request_changed(fcgip_request *request);

/* FCGIP_OK; FCGIP_EINVAL: not a value that may be sent as this variable. */
int fcgip__request_check_var(const fcgip_request *request, const char *name, size_t name_len,
                             const char *value, size_t value_len);

const fcgip__mem *fcgip__request_mem(const fcgip_request *request);

/* Makes this the content, and takes it over; NULL for none. */
void fcgip__request_replace_content(fcgip_request *request, fcgip__content *content);

/* Makes `data`, a block of the request's allocator that is taken over also on failure, the content, and its type
 * the content type (NULL: as it was), in one step. FCGIP_OK; FCGIP_ENOMEM: the request is as it was. */
int fcgip__request_adopt_content(fcgip_request *request, uint8_t *data, size_t len,
                                 const char *content_type);

#endif
