/* Server status: the php-fpm status page as typed fields, and an interface for other servers. */
#ifndef FCGIPROXY_STATUS_H
#define FCGIPROXY_STATUS_H

#include "fcgiproxy/response.h"
#include "fcgiproxy/types.h"

FCGIP_BEGIN_DECLS

/* The answers of all servers, in the order of the collection. */
typedef struct fcgip_status_list fcgip_status_list;

/* The answer of one server. */
typedef struct fcgip_server_status fcgip_server_status;

/* What a php-fpm pool says of itself. */
typedef struct fcgip_php_fpm_status fcgip_php_fpm_status;

/* What it says of one of its workers, with `full`. */
typedef struct fcgip_php_fpm_process fcgip_php_fpm_process;

/* Reads the status pages of another server than php-fpm. */
typedef struct fcgip_status_parser {
  uint32_t struct_size; /* sizeof(fcgip_status_parser) */
  uint32_t flags;       /* 0 */
  /* Makes *value of a successful response, which lives until the function returns. FCGIP_OK, or a
   * negative result (FCGIP_ESTATUSPATH, FCGIP_ESTATUSFORMAT, FCGIP_ENOMEM, ...) for this server's entry. */
  int (*parse_fn)(void **value, const fcgip_response *response, void *user_data);
  /* Gives a value back when the list is freed. May be NULL. */
  void (*free_fn)(void *value, void *user_data);
  void *user_data; /* passed to both */
} fcgip_status_parser;

/* All of this chapter may be called from anywhere. Pointers live as long as the list. */

/* How many servers there are: as many as the collection has. */
FCGIP_API size_t fcgip_status_list_count(const fcgip_status_list *list);

/* The answer of the server at `index` of the collection; NULL beyond the last. */
FCGIP_API const fcgip_server_status *fcgip_status_list_at(const fcgip_status_list *list,
                                                          size_t index);

/* Frees the list and all that belongs to it. */
FCGIP_API void fcgip_status_list_free(fcgip_status_list *list);

/* FCGIP_OK; the error of the request; FCGIP_ESTATUSPATH; FCGIP_ESTATUSFORMAT; FCGIP_ENOMEM. */
FCGIP_API int fcgip_server_status_error(const fcgip_server_status *status);

/* A sentence with the server's address that says what to check; "" on success. */
FCGIP_API const char *fcgip_server_status_error_text(const fcgip_server_status *status);

/* Which server. */
FCGIP_API const fcgip_endpoint *fcgip_server_status_endpoint(const fcgip_server_status *status);

/* The response as received; NULL if there is none (the wait ran out, or no memory). */
FCGIP_API const fcgip_response *fcgip_server_status_response(const fcgip_server_status *status);

/* The page of php-fpm, read; NULL if it failed, or another parser than php-fpm's was used. */
FCGIP_API const fcgip_php_fpm_status *
fcgip_server_status_php_fpm(const fcgip_server_status *status);

/* What parse_fn made; NULL if it failed, or for php-fpm. */
FCGIP_API const void *fcgip_server_status_value(const fcgip_server_status *status);

/* Fields of the pool, for fcgip_php_fpm_status_has(). */
enum fcgip_php_fpm_field {
  FCGIP_PHP_FPM_POOL_NAME = 1,        /* its name */
  FCGIP_PHP_FPM_PROCESS_MANAGER,      /* static, dynamic or ondemand */
  FCGIP_PHP_FPM_START_TIME,           /* when it was started */
  FCGIP_PHP_FPM_START_SINCE,          /* how long ago that is */
  FCGIP_PHP_FPM_ACCEPTED_CONNECTIONS, /* requests taken on since then */
  FCGIP_PHP_FPM_LISTEN_QUEUE,         /* connections that wait for a worker */
  FCGIP_PHP_FPM_MAX_LISTEN_QUEUE,     /* at most since the start */
  FCGIP_PHP_FPM_LISTEN_QUEUE_LENGTH,  /* how many may wait */
  FCGIP_PHP_FPM_IDLE_PROCESSES,       /* workers with nothing to do */
  FCGIP_PHP_FPM_ACTIVE_PROCESSES,     /* workers at work */
  FCGIP_PHP_FPM_TOTAL_PROCESSES,      /* all workers */
  FCGIP_PHP_FPM_MAX_ACTIVE_PROCESSES, /* workers at work, at most since the start */
  FCGIP_PHP_FPM_MAX_CHILDREN_REACHED, /* how often there were no more workers to start */
  FCGIP_PHP_FPM_SLOW_REQUESTS,        /* requests that took longer than request_slowlog_timeout */
  FCGIP_PHP_FPM_MEMORY_PEAK           /* PHP 8.4 and later */
};

/* The accessors below give what the page says, be it text, JSON, XML or OpenMetrics (which says nothing
 * of workers and of the start time). Texts are as received, bytes of any value among them: they may come
 * from whoever sends requests to the pool, so escape them before you show them; a NUL in them became
 * U+FFFD. Numbers above the type's range are its greatest, counts below zero are 0. */

/* 1 if the server sent the field (an enum fcgip_php_fpm_field), else 0: its accessor then returns
 * 0 or "". */
FCGIP_API int fcgip_php_fpm_status_has(const fcgip_php_fpm_status *status, int field);

/* The name of the pool, up to 31 characters of it. */
FCGIP_API const char *fcgip_php_fpm_status_pool_name(const fcgip_php_fpm_status *status);

/* "static", "dynamic" or "ondemand". */
FCGIP_API const char *fcgip_php_fpm_status_process_manager(const fcgip_php_fpm_status *status);

/* When php-fpm was started, or reloaded: Unix seconds. */
FCGIP_API int64_t fcgip_php_fpm_status_start_time(const fcgip_php_fpm_status *status);

/* The seconds since then. */
FCGIP_API uint64_t fcgip_php_fpm_status_start_since(const fcgip_php_fpm_status *status);

/* How many requests its workers have taken on since then. On a kept connection, the wait for the next
 * request counts as one more. */
FCGIP_API uint64_t fcgip_php_fpm_status_accepted_connections(const fcgip_php_fpm_status *status);

/* How many connections wait for a worker. */
FCGIP_API uint64_t fcgip_php_fpm_status_listen_queue(const fcgip_php_fpm_status *status);

/* How many there were at most since the start. */
FCGIP_API uint64_t fcgip_php_fpm_status_max_listen_queue(const fcgip_php_fpm_status *status);

/* How many there may be: the backlog of the socket. */
FCGIP_API uint64_t fcgip_php_fpm_status_listen_queue_length(const fcgip_php_fpm_status *status);

/* Workers with nothing to do. */
FCGIP_API uint64_t fcgip_php_fpm_status_idle_processes(const fcgip_php_fpm_status *status);

/* Workers at work, the one that answered this very question included; so are those that wait on a kept
 * connection. */
FCGIP_API uint64_t fcgip_php_fpm_status_active_processes(const fcgip_php_fpm_status *status);

/* All workers. */
FCGIP_API uint64_t fcgip_php_fpm_status_total_processes(const fcgip_php_fpm_status *status);

/* How many were at work at most since the start. */
FCGIP_API uint64_t fcgip_php_fpm_status_max_active_processes(const fcgip_php_fpm_status *status);

/* How often pm.max_children kept php-fpm from starting one more worker. */
FCGIP_API uint64_t fcgip_php_fpm_status_max_children_reached(const fcgip_php_fpm_status *status);

/* How many requests took longer than request_slowlog_timeout. PHP 5.4.7 and later. */
FCGIP_API uint64_t fcgip_php_fpm_status_slow_requests(const fcgip_php_fpm_status *status);

/* The most memory that a request has used since the start, in bytes. PHP 8.4 and later. */
FCGIP_API uint64_t fcgip_php_fpm_status_memory_peak(const fcgip_php_fpm_status *status);

/* Keys of the pool that this version does not know, spelled as in the page, and their values as text, in
 * the order received: at most 256, of keys up to 256 bytes and values up to 4096.
 * FCGIP_OK; FCGIP_ENOTFOUND beyond the last; FCGIP_EINVAL. */
FCGIP_API size_t fcgip_php_fpm_status_extra_count(const fcgip_php_fpm_status *status);
FCGIP_API int fcgip_php_fpm_status_extra(const fcgip_php_fpm_status *status, size_t index,
                                         const char **key, const char **value);

/* The workers: 0 without `full`. `_process` is NULL beyond the last. Their number may differ from
 * `_total_processes`, which php-fpm counts on its own. PHP before 8.2.31, 8.3.31, 8.4.21 and 8.5.6 escapes
 * not all that its clients say: texts of a worker may then end early or late, and in JSON, but not in text
 * and XML, a query or a script's name that spells out a whole worker is taken for one. */
FCGIP_API size_t fcgip_php_fpm_status_process_count(const fcgip_php_fpm_status *status);
FCGIP_API const fcgip_php_fpm_process *
fcgip_php_fpm_status_process(const fcgip_php_fpm_status *status, size_t index);

/* The id of the process on its machine. */
FCGIP_API int64_t fcgip_php_fpm_process_pid(const fcgip_php_fpm_process *process);

/* "Idle", "Running", "Finishing", "Reading headers", "Getting request information", "Ending". */
FCGIP_API const char *fcgip_php_fpm_process_state(const fcgip_php_fpm_process *process);

/* When it was started: Unix seconds. */
FCGIP_API int64_t fcgip_php_fpm_process_start_time(const fcgip_php_fpm_process *process);

/* The seconds since then. */
FCGIP_API uint64_t fcgip_php_fpm_process_start_since(const fcgip_php_fpm_process *process);

/* How many requests it has served. */
FCGIP_API uint64_t fcgip_php_fpm_process_requests(const fcgip_php_fpm_process *process);

/* Microseconds: of the last request if the worker is idle, else of the present one so far. */
FCGIP_API uint64_t fcgip_php_fpm_process_request_duration(const fcgip_php_fpm_process *process);

/* The method of that request; "-" if there was none. */
FCGIP_API const char *fcgip_php_fpm_process_request_method(const fcgip_php_fpm_process *process);

/* Its path and query, shortened by php-fpm. */
FCGIP_API const char *fcgip_php_fpm_process_request_uri(const fcgip_php_fpm_process *process);

/* How many bytes of content it had, if it was a POST. */
FCGIP_API uint64_t fcgip_php_fpm_process_content_length(const fcgip_php_fpm_process *process);

/* Its HTTP user; "-" if there was none. */
FCGIP_API const char *fcgip_php_fpm_process_user(const fcgip_php_fpm_process *process);

/* The file of its script; "-" for status and ping pages. */
FCGIP_API const char *fcgip_php_fpm_process_script(const fcgip_php_fpm_process *process);

/* Of the last request, percent of one core; 0 while one is running. */
FCGIP_API double fcgip_php_fpm_process_last_request_cpu(const fcgip_php_fpm_process *process);

/* Of the last request, the most memory it used, in bytes; 0 while one is running. */
FCGIP_API uint64_t fcgip_php_fpm_process_last_request_memory(const fcgip_php_fpm_process *process);

FCGIP_END_DECLS

#endif
