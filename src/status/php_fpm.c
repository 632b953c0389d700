#include "status/php_fpm.h"

#include <string.h>

#include "base/text.h"
#include "fcgiproxy/error.h"
#include "status/cursor.h"
#include "status/php_fpm_readers.h"

typedef int (*fcgip__php_fpm_reader_fn)(fcgip_php_fpm_status *status, const char *page, size_t len);

/* One for each fcgip__php_fpm_form. */
static const fcgip__php_fpm_reader_fn readers[FCGIP__FORM_COUNT] = {
    fcgip__php_fpm_read_text,
    fcgip__php_fpm_read_json,
    fcgip__php_fpm_read_xml,
    fcgip__php_fpm_read_openmetrics,
};

/* The media type, without parameters. */
static int is_type(const char *content_type, const char *type)
{
  size_t len = strcspn(content_type, "; \t");

  return fcgip__equal_nocase(content_type, len, type, strlen(type));
}

static fcgip__php_fpm_form form_by_content(const char *page, size_t len)
{
  fcgip__cursor in = {page, page + len};

  fcgip__cursor_skip_space(&in);
  if (fcgip__cursor_takes(&in, "{"))
    return FCGIP__FORM_JSON;
  if (fcgip__cursor_takes(&in, "<"))
    return FCGIP__FORM_XML;
  if (fcgip__cursor_takes(&in, "#"))
    return FCGIP__FORM_OPENMETRICS;
  return FCGIP__FORM_TEXT;
}

/* 0, or -1 for a page that is not read, such as the HTML form. */
static int find_form(const char *page, size_t len, const char *content_type,
                     fcgip__php_fpm_form *form)
{
  const char *type = content_type != NULL ? content_type : "";

  if (is_type(type, "text/html") || is_type(type, "application/xhtml+xml"))
    return -1;
  if (is_type(type, "application/json"))
    *form = FCGIP__FORM_JSON;
  else if (is_type(type, "text/xml") || is_type(type, "application/xml"))
    *form = FCGIP__FORM_XML;
  else if (is_type(type, "application/openmetrics-text"))
    *form = FCGIP__FORM_OPENMETRICS;
  else
    *form = form_by_content(page, len);
  return 0;
}

int fcgip__php_fpm_parse(fcgip_php_fpm_status **out, const fcgip__mem *mem, const void *page,
                         size_t len, const char *content_type)
{
  fcgip_php_fpm_status *status;
  fcgip__php_fpm_form form;
  int rc;

  *out = NULL;
  if (len == 0 || find_form(page, len, content_type, &form) < 0)
    return FCGIP_ESTATUSFORMAT;
  rc = fcgip__php_fpm_new(&status, mem, len);
  if (rc < 0)
    return rc;

  rc = readers[form](status, page, len);
  if (rc == FCGIP_ESTATUSFORMAT && (form == FCGIP__FORM_JSON || form == FCGIP__FORM_XML)) {
    fcgip__php_fpm_reset(status, FCGIP__AS_PRINTED);
    rc = readers[form](status, page, len);
  }
  if (rc < 0) {
    fcgip__php_fpm_free(status);
    return rc;
  }
  fcgip__php_fpm_finish(status);
  *out = status;
  return FCGIP_OK;
}

int fcgip_php_fpm_status_has(const fcgip_php_fpm_status *status, int field)
{
  if (status == NULL || field < FCGIP_PHP_FPM_POOL_NAME || field > FCGIP_PHP_FPM_MEMORY_PEAK)
    return 0;
  return (status->seen & 1u << field) != 0;
}

const char *fcgip_php_fpm_status_pool_name(const fcgip_php_fpm_status *status)
{
  return status != NULL ? status->pool_name.text : "";
}

const char *fcgip_php_fpm_status_process_manager(const fcgip_php_fpm_status *status)
{
  return status != NULL ? status->process_manager.text : "";
}

int64_t fcgip_php_fpm_status_start_time(const fcgip_php_fpm_status *status)
{
  return status != NULL ? status->start_time : 0;
}

uint64_t fcgip_php_fpm_status_start_since(const fcgip_php_fpm_status *status)
{
  return status != NULL ? status->start_since : 0;
}

uint64_t fcgip_php_fpm_status_accepted_connections(const fcgip_php_fpm_status *status)
{
  return status != NULL ? status->accepted_connections : 0;
}

uint64_t fcgip_php_fpm_status_listen_queue(const fcgip_php_fpm_status *status)
{
  return status != NULL ? status->listen_queue : 0;
}

uint64_t fcgip_php_fpm_status_max_listen_queue(const fcgip_php_fpm_status *status)
{
  return status != NULL ? status->max_listen_queue : 0;
}

uint64_t fcgip_php_fpm_status_listen_queue_length(const fcgip_php_fpm_status *status)
{
  return status != NULL ? status->listen_queue_length : 0;
}

uint64_t fcgip_php_fpm_status_idle_processes(const fcgip_php_fpm_status *status)
{
  return status != NULL ? status->idle_processes : 0;
}

uint64_t fcgip_php_fpm_status_active_processes(const fcgip_php_fpm_status *status)
{
  return status != NULL ? status->active_processes : 0;
}

uint64_t fcgip_php_fpm_status_total_processes(const fcgip_php_fpm_status *status)
{
  return status != NULL ? status->total_processes : 0;
}

uint64_t fcgip_php_fpm_status_max_active_processes(const fcgip_php_fpm_status *status)
{
  return status != NULL ? status->max_active_processes : 0;
}

uint64_t fcgip_php_fpm_status_max_children_reached(const fcgip_php_fpm_status *status)
{
  return status != NULL ? status->max_children_reached : 0;
}

uint64_t fcgip_php_fpm_status_slow_requests(const fcgip_php_fpm_status *status)
{
  return status != NULL ? status->slow_requests : 0;
}

uint64_t fcgip_php_fpm_status_memory_peak(const fcgip_php_fpm_status *status)
{
  return status != NULL ? status->memory_peak : 0;
}

size_t fcgip_php_fpm_status_extra_count(const fcgip_php_fpm_status *status)
{
  return status != NULL ? status->extra_count : 0;
}

int fcgip_php_fpm_status_extra(const fcgip_php_fpm_status *status, size_t index, const char **key,
                               const char **value)
{
  if (status == NULL || key == NULL || value == NULL)
    return FCGIP_EINVAL;
  if (index >= status->extra_count)
    return FCGIP_ENOTFOUND;
  *key = status->extras[index].key.text;
  *value = status->extras[index].value.text;
  return FCGIP_OK;
}

size_t fcgip_php_fpm_status_process_count(const fcgip_php_fpm_status *status)
{
  return status != NULL ? status->process_count : 0;
}

const fcgip_php_fpm_process *fcgip_php_fpm_status_process(const fcgip_php_fpm_status *status,
                                                          size_t index)
{
  return status != NULL && index < status->process_count ? &status->processes[index] : NULL;
}

int64_t fcgip_php_fpm_process_pid(const fcgip_php_fpm_process *process)
{
  return process != NULL ? process->pid : 0;
}

const char *fcgip_php_fpm_process_state(const fcgip_php_fpm_process *process)
{
  return process != NULL ? process->state.text : "";
}

int64_t fcgip_php_fpm_process_start_time(const fcgip_php_fpm_process *process)
{
  return process != NULL ? process->start_time : 0;
}

uint64_t fcgip_php_fpm_process_start_since(const fcgip_php_fpm_process *process)
{
  return process != NULL ? process->start_since : 0;
}

uint64_t fcgip_php_fpm_process_requests(const fcgip_php_fpm_process *process)
{
  return process != NULL ? process->requests : 0;
}

uint64_t fcgip_php_fpm_process_request_duration(const fcgip_php_fpm_process *process)
{
  return process != NULL ? process->request_duration : 0;
}

const char *fcgip_php_fpm_process_request_method(const fcgip_php_fpm_process *process)
{
  return process != NULL ? process->request_method.text : "";
}

const char *fcgip_php_fpm_process_request_uri(const fcgip_php_fpm_process *process)
{
  return process != NULL ? process->request_uri.text : "";
}

uint64_t fcgip_php_fpm_process_content_length(const fcgip_php_fpm_process *process)
{
  return process != NULL ? process->content_length : 0;
}

const char *fcgip_php_fpm_process_user(const fcgip_php_fpm_process *process)
{
  return process != NULL ? process->user.text : "";
}

const char *fcgip_php_fpm_process_script(const fcgip_php_fpm_process *process)
{
  return process != NULL ? process->script.text : "";
}

double fcgip_php_fpm_process_last_request_cpu(const fcgip_php_fpm_process *process)
{
  return process != NULL ? process->last_request_cpu : 0;
}

uint64_t fcgip_php_fpm_process_last_request_memory(const fcgip_php_fpm_process *process)
{
  return process != NULL ? process->last_request_memory : 0;
}
