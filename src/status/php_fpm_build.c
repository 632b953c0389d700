#include "status/php_fpm_build.h"

#include <string.h>

#include "base/text.h"
#include "fcgiproxy/error.h"
#include "status/php_fpm_value.h"

#define MAX_PROCESSES 1000000u
#define MAX_EXTRAS 256u
#define MAX_EXTRA_KEY 256u
#define MAX_EXTRA_VALUE 4096u

#define POOL(field, kind, member)                                                                  \
  1u << FCGIP_PHP_FPM_##field, FCGIP__KIND_##kind, offsetof(struct fcgip_php_fpm_status, member)
#define PROCESS(field, kind, member)                                                               \
  1u << FCGIP__PROCESS_##field, FCGIP__KIND_##kind, offsetof(struct fcgip_php_fpm_process, member)
/* Text and JSON have the same keys ("request URI" differs in case alone), XML has "-" for " ". */
#define NAMES(text, xml, metric)                                                                   \
  {                                                                                                \
    text, text, xml, metric                                                                        \
  }

/* clang-format off */
static const fcgip__php_fpm_key pool_keys[] = {
  {POOL(POOL_NAME, TEXT, pool_name), NAMES("pool", "pool", NULL)},
  {POOL(PROCESS_MANAGER, TEXT, process_manager), NAMES("process manager", "process-manager", NULL)},
  {POOL(START_TIME, TIME, start_time), NAMES("start time", "start-time", NULL)},
  {POOL(START_SINCE, COUNT, start_since),
   NAMES("start since", "start-since", "phpfpm_start_since")},
  {POOL(ACCEPTED_CONNECTIONS, COUNT, accepted_connections),
   NAMES("accepted conn", "accepted-conn", "phpfpm_accepted_connections")},
  {POOL(LISTEN_QUEUE, COUNT, listen_queue),
   NAMES("listen queue", "listen-queue", "phpfpm_listen_queue")},
  {POOL(MAX_LISTEN_QUEUE, COUNT, max_listen_queue),
   NAMES("max listen queue", "max-listen-queue", "phpfpm_max_listen_queue")},
  {POOL(LISTEN_QUEUE_LENGTH, COUNT, listen_queue_length),
   NAMES("listen queue len", "listen-queue-len", "phpfpm_listen_queue_length")},
  {POOL(IDLE_PROCESSES, COUNT, idle_processes),
   NAMES("idle processes", "idle-processes", "phpfpm_idle_processes")},
  {POOL(ACTIVE_PROCESSES, COUNT, active_processes),
   NAMES("active processes", "active-processes", "phpfpm_active_processes")},
  {POOL(TOTAL_PROCESSES, COUNT, total_processes),
   NAMES("total processes", "total-processes", "phpfpm_total_processes")},
  {POOL(MAX_ACTIVE_PROCESSES, COUNT, max_active_processes),
   NAMES("max active processes", "max-active-processes", "phpfpm_max_active_processes")},
  {POOL(MAX_CHILDREN_REACHED, COUNT, max_children_reached),
   NAMES("max children reached", "max-children-reached", "phpfpm_max_children_reached")},
  {POOL(SLOW_REQUESTS, COUNT, slow_requests),
   NAMES("slow requests", "slow-requests", "phpfpm_slow_requests")},
  {POOL(MEMORY_PEAK, COUNT, memory_peak),
   NAMES("memory peak", "memory-peak", "phpfpm_memory_peak")},
};

static const fcgip__php_fpm_key process_keys[] = {
  {PROCESS(PID, SIGNED, pid), NAMES("pid", "pid", NULL)},
  {PROCESS(STATE, TEXT, state), NAMES("state", "state", NULL)},
  {PROCESS(START_TIME, TIME, start_time), NAMES("start time", "start-time", NULL)},
  {PROCESS(START_SINCE, COUNT, start_since), NAMES("start since", "start-since", NULL)},
  {PROCESS(REQUESTS, COUNT, requests), NAMES("requests", "requests", NULL)},
  {PROCESS(REQUEST_DURATION, COUNT, request_duration),
   NAMES("request duration", "request-duration", NULL)},
  {PROCESS(REQUEST_METHOD, TEXT, request_method), NAMES("request method", "request-method", NULL)},
  {PROCESS(REQUEST_URI, TEXT, request_uri), NAMES("request uri", "request-uri", NULL)},
  {PROCESS(CONTENT_LENGTH, COUNT, content_length), NAMES("content length", "content-length", NULL)},
  {PROCESS(USER, TEXT, user), NAMES("user", "user", NULL)},
  {PROCESS(SCRIPT, TEXT, script), NAMES("script", "script", NULL)},
  {PROCESS(LAST_REQUEST_CPU, DECIMAL, last_request_cpu),
   NAMES("last request cpu", "last-request-cpu", NULL)},
  {PROCESS(LAST_REQUEST_MEMORY, COUNT, last_request_memory),
   NAMES("last request memory", "last-request-memory", NULL)},
};
/* clang-format on */

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const fcgip__php_fpm_key *find_key(const fcgip__php_fpm_key *keys, size_t count,
                                          fcgip__php_fpm_form form, const char *name, size_t len)
{
  size_t i;

  for (i = 0; i < count; i++) {
    const char *known = keys[i].names[form];

    if (known != NULL && fcgip__equal_nocase(known, strlen(known), name, len))
      return &keys[i];
  }
  return NULL;
}

const fcgip__php_fpm_key *fcgip__php_fpm_pool_key(fcgip__php_fpm_form form, const char *name,
                                                  size_t len)
{
  return find_key(pool_keys, COUNT_OF(pool_keys), form, name, len);
}

const fcgip__php_fpm_key *fcgip__php_fpm_process_key(fcgip__php_fpm_form form, const char *name,
                                                     size_t len)
{
  return find_key(process_keys, COUNT_OF(process_keys), form, name, len);
}

/* The byte at offset 0 is the "" of all texts that are absent. */
static int begin_text(fcgip_php_fpm_status *status)
{
  return fcgip__buffer_add_byte(&status->text, '\0');
}

int fcgip__php_fpm_new(fcgip_php_fpm_status **out, const fcgip__mem *mem, size_t len)
{
  fcgip_php_fpm_status *status = fcgip__mem_calloc(mem, 1, sizeof(*status));
  size_t limit;

  *out = NULL;
  if (status == NULL)
    return FCGIP_ENOMEM;
  status->mem = *mem;
  /* Never reached: a byte of the page becomes at most three, those of U+FFFD, and the key of a value leaves room for
   * the NUL behind it. */
  limit = len < SIZE_MAX / 3 ? len * 3 + 1 : SIZE_MAX - 1;
  fcgip__buffer_init(&status->text, &status->mem, limit);
  if (begin_text(status) < 0) {
    fcgip__php_fpm_free(status);
    return FCGIP_ENOMEM;
  }
  *out = status;
  return FCGIP_OK;
}

void fcgip__php_fpm_free(fcgip_php_fpm_status *status)
{
  fcgip__mem mem;

  if (status == NULL)
    return;
  mem = status->mem;
  fcgip__buffer_deinit(&status->text);
  fcgip__mem_free(&mem, status->extras);
  fcgip__mem_free(&mem, status->processes);
  fcgip__mem_free(&mem, status);
}

/* A text: adds it and gives its place. */
static int add_text(fcgip_php_fpm_status *status, const char *value, size_t len,
                    fcgip__status_text *place)
{
  const char *end = value + len;
  size_t offset = status->text.len;
  int rc = FCGIP_OK;

  while (rc == FCGIP_OK && value < end) {
    const char *nul = memchr(value, '\0', (size_t)(end - value));
    const char *stop = nul != NULL ? nul : end;

    rc = fcgip__buffer_add(&status->text, value, (size_t)(stop - value));
    if (rc == FCGIP_OK && nul != NULL)
      rc = fcgip__buffer_add_text(&status->text, "\xef\xbf\xbd");
    value = nul != NULL ? stop + 1 : end;
  }
  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add_byte(&status->text, '\0');
  if (rc == FCGIP_OK)
    place->offset = offset;
  return rc;
}

/* Puts a value where its key says, in the status or the process at `object`. */
static int set_value(fcgip_php_fpm_status *status, void *object, const fcgip__php_fpm_key *key,
                     const char *value, size_t len)
{
  void *place = (char *)object + key->offset;
  int rc = 0;

  switch (key->kind) {
  case FCGIP__KIND_TEXT:
    return add_text(status, value, len, place);
  case FCGIP__KIND_COUNT:
    rc = fcgip__status_count(value, len, place);
    break;
  case FCGIP__KIND_SIGNED:
    rc = fcgip__status_signed(value, len, place);
    break;
  case FCGIP__KIND_TIME:
    rc = fcgip__status_time(value, len, place);
    break;
  case FCGIP__KIND_DECIMAL:
    rc = fcgip__status_decimal(value, len, place);
    break;
  }
  return rc < 0 ? FCGIP_ESTATUSFORMAT : FCGIP_OK;
}

int fcgip__php_fpm_set_pool(fcgip_php_fpm_status *status, const fcgip__php_fpm_key *key,
                            const char *value, size_t len)
{
  int rc;

  if ((status->seen & key->bit) != 0)
    return FCGIP_OK;
  rc = set_value(status, status, key, value, len);
  if (rc == FCGIP_OK)
    status->seen |= key->bit;
  return rc;
}

/* Makes room for one more element, doubling; NULL if there is no memory: the array is unchanged. */
static void *grow(const fcgip__mem *mem, void *array, size_t count, size_t *cap, size_t size)
{
  size_t more = *cap < 8 ? 8 : *cap * 2; /* far below the end of size_t, by the limits above */
  void *grown;

  if (count < *cap)
    return array;
  grown = fcgip__mem_realloc_array(mem, array, more, size);
  if (grown != NULL)
    *cap = more;
  return grown;
}

int fcgip__php_fpm_add_extra(fcgip_php_fpm_status *status, const char *key, size_t key_len,
                             const char *value, size_t value_len)
{
  fcgip__php_fpm_extra *extra;
  void *grown;
  int rc;

  if (status->extra_count >= MAX_EXTRAS || key_len > MAX_EXTRA_KEY || value_len > MAX_EXTRA_VALUE)
    return FCGIP_OK;
  grown = grow(&status->mem, status->extras, status->extra_count, &status->extra_cap,
               sizeof(*status->extras));
  if (grown == NULL)
    return FCGIP_ENOMEM;
  status->extras = grown;
  extra = &status->extras[status->extra_count];
  rc = add_text(status, key, key_len, &extra->key);
  if (rc == FCGIP_OK)
    rc = add_text(status, value, value_len, &extra->value);
  if (rc == FCGIP_OK)
    status->extra_count++;
  return rc;
}

int fcgip__php_fpm_put_pool(fcgip_php_fpm_status *status, fcgip__php_fpm_form form,
                            const char *name, size_t name_len, const char *value, size_t len)
{
  const fcgip__php_fpm_key *key = fcgip__php_fpm_pool_key(form, name, name_len);

  if (key != NULL)
    return fcgip__php_fpm_set_pool(status, key, value, len);
  return fcgip__php_fpm_add_extra(status, name, name_len, value, len);
}

static fcgip_php_fpm_process *last_process(const fcgip_php_fpm_status *status)
{
  return &status->processes[status->process_count - 1];
}

int fcgip__php_fpm_begin_process(fcgip_php_fpm_status *status)
{
  void *grown;

  if (status->process_count >= MAX_PROCESSES)
    return FCGIP_ESTATUSFORMAT;
  grown = grow(&status->mem, status->processes, status->process_count, &status->process_cap,
               sizeof(*status->processes));
  if (grown == NULL)
    return FCGIP_ENOMEM;
  status->processes = grown;
  status->process_count++;
  memset(last_process(status), 0, sizeof(*status->processes));
  return FCGIP_OK;
}

int fcgip__php_fpm_set_process(fcgip_php_fpm_status *status, const fcgip__php_fpm_key *key,
                               const char *value, size_t len)
{
  fcgip_php_fpm_process *process = last_process(status);
  int rc;

  if ((process->seen & key->bit) != 0)
    return FCGIP_ESTATUSFORMAT;
  rc = set_value(status, process, key, value, len);
  if (rc == FCGIP_OK)
    process->seen |= key->bit;
  return rc;
}

uint32_t fcgip__php_fpm_process_seen(const fcgip_php_fpm_status *status)
{
  return last_process(status)->seen;
}

int fcgip__php_fpm_is_complete(uint32_t seen)
{
  return (seen & FCGIP__PROCESS_REQUIRED) == FCGIP__PROCESS_REQUIRED;
}

int fcgip__php_fpm_comes_next(const fcgip__php_fpm_key *key, uint32_t seen)
{
  uint32_t before = FCGIP__PROCESS_REQUIRED & (key->bit - 1u);

  return (seen & key->bit) == 0 && (before & ~seen) == 0;
}

int fcgip__php_fpm_end_process(fcgip_php_fpm_status *status)
{
  uint32_t seen = last_process(status)->seen;
  int is_good = 0;

  switch (status->reading) {
  case FCGIP__EXACT:
    /* Values that end too early leave two workers with a part of the fields each. */
    is_good = (seen & 1u << FCGIP__PROCESS_PID) != 0 && seen == status->processes[0].seen;
    break;
  case FCGIP__AS_PRINTED:
    is_good = fcgip__php_fpm_is_complete(seen);
    break;
  }
  return is_good ? FCGIP_OK : FCGIP_ESTATUSFORMAT;
}

static void finish_text(const fcgip_php_fpm_status *status, void *place)
{
  fcgip__status_text *text = place;
  size_t offset = text->offset;

  text->text = fcgip__buffer_text(&status->text) + offset;
}

static void finish_texts(const fcgip_php_fpm_status *status, const fcgip__php_fpm_key *keys,
                         size_t count, void *object)
{
  size_t i;

  for (i = 0; i < count; i++)
    if (keys[i].kind == FCGIP__KIND_TEXT)
      finish_text(status, (char *)object + keys[i].offset);
}

void fcgip__php_fpm_finish(fcgip_php_fpm_status *status)
{
  size_t i;

  finish_texts(status, pool_keys, COUNT_OF(pool_keys), status);
  for (i = 0; i < status->process_count; i++)
    finish_texts(status, process_keys, COUNT_OF(process_keys), &status->processes[i]);
  for (i = 0; i < status->extra_count; i++) {
    finish_text(status, &status->extras[i].key);
    finish_text(status, &status->extras[i].value);
  }
}

void fcgip__php_fpm_reset(fcgip_php_fpm_status *status, fcgip__php_fpm_reading reading)
{
  struct fcgip_php_fpm_status old = *status;

  memset(status, 0, sizeof(*status));
  status->mem = old.mem;
  status->reading = reading;
  status->text = old.text;
  status->text.len = 1;
  status->extras = old.extras;
  status->extra_cap = old.extra_cap;
  status->processes = old.processes;
  status->process_cap = old.process_cap;
}
