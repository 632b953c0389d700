#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "status_forms.h"
#include "tool.h"

/* A ping page answers with status 200, and with what ping.response says: "pong" unless it is set. */
static int is_answer(const fcgip_response *response)
{
  return fcgip_response_error(response) == FCGIP_OK && fcgip_response_status(response) == 200;
}

static void keep(fcgip_response *response, size_t index, void *data)
{
  fcgip_response **answers = data;

  if (answers[index] == NULL)
    answers[index] = fcgip_response_ref(response);
}

/* What is wrong with it. */
static void complaint(char *to, size_t cap, const fcgip_response *response)
{
  if (response == NULL)
    snprintf(to, cap, "no answer");
  else if (fcgip_response_error(response) != FCGIP_OK)
    snprintf(to, cap, "%s", fcgip_response_error_text(response));
  else
    snprintf(to, cap, "no ping page there: HTTP status %d", fcgip_response_status(response));
}

static void print_lines(const status_options *options, fcgip_response *const *answers)
{
  size_t i, len;

  for (i = 0; i < options->servers.count; i++) {
    const char *address = fcgip_endpoint_address(options->servers.ends[i]);
    int fine = answers[i] != NULL && is_answer(answers[i]);

    if (fine && options->quiet)
      continue;
    printf("%s ", fine ? "OK" : "FAILED");
    text_print(stdout, address, strlen(address));
    printf(": ");
    if (fine) {
      const char *body = fcgip_response_body(answers[i], &len);

      text_print(stdout, body, len);
    } else {
      char why[1024];

      complaint(why, sizeof(why), answers[i]);
      text_print(stdout, text_without(why, address), strlen(text_without(why, address)));
    }
    putchar('\n');
  }
}

static void print_json_server(const char *address, const fcgip_response *response)
{
  int fine = response != NULL && is_answer(response);
  char why[1024];
  const char *body;
  size_t len;

  printf("{\"address\":");
  text_print_json(stdout, address, strlen(address));
  printf(",\"up\":%s,\"error\":", fine ? "true" : "false");
  complaint(why, sizeof(why), response);
  if (fine)
    printf("null");
  else
    text_print_json(stdout, why, strlen(why));
  printf(",\"duration\":%.6f,\"response\":",
         response != NULL ? fcgip_response_duration(response) : 0);
  body = response != NULL ? fcgip_response_body(response, &len) : NULL;
  if (fine && body != NULL)
    text_print_json(stdout, body, len);
  else
    printf("null");
  putchar('}');
}

static void print_json(const status_options *options, fcgip_response *const *answers, size_t failed)
{
  size_t i;

  printf("{\"version\":");
  text_print_json(stdout, fcgip_version(), strlen(fcgip_version()));
  printf(",\"time\":%" PRId64 ",\"path\":", (int64_t)time(NULL));
  text_print_json(stdout, options->ping, strlen(options->ping));
  printf(",\"failed\":%zu,\"servers\":[", failed);
  for (i = 0; i < options->servers.count; i++) {
    if (i > 0)
      putchar(',');
    print_json_server(fcgip_endpoint_address(options->servers.ends[i]), answers[i]);
  }
  printf("]}\n");
}

/* php-fpm knows the page by SCRIPT_NAME, and looks at no query. */
static int make_request(fcgip_request **out, const char *page)
{
  int rc = fcgip_get_request_new(out, page, NULL, 0);

  if (rc == FCGIP_OK)
    rc = fcgip_request_set_custom_var(*out, "SCRIPT_NAME", page);
  if (rc == FCGIP_OK)
    rc = fcgip_request_set_request_uri(*out, page);
  if (rc < 0)
    tool_complain("--ping", fcgip_strerror(rc));
  return rc;
}

int ping_run(status_options *options)
{
  size_t count = options->servers.count, failed = 0, i;
  fcgip_response **answers = calloc(count, sizeof(*answers));
  fcgip_request *request = NULL;
  int rc = answers != NULL ? FCGIP_OK : FCGIP_ENOMEM;

  if (rc == FCGIP_OK)
    rc = make_request(&request, options->ping);
  if (rc == FCGIP_OK)
    rc = servers_ask(&options->servers, request, keep, answers);
  if (rc == FCGIP_OK) {
    for (i = 0; i < count; i++)
      failed += answers[i] == NULL || !is_answer(answers[i]);
    if (options->form == FORM_JSON)
      print_json(options, answers, failed);
    else
      print_lines(options, answers);
  }
  for (i = 0; i < count && answers != NULL; i++)
    fcgip_response_free(answers[i]);
  free(answers);
  fcgip_request_free(request);
  if (rc < 0)
    return rc == FCGIP_EINVAL ? STATUS_USAGE : STATUS_TROUBLE;
  return failed > 0 ? STATUS_SERVER_FAILED : STATUS_FINE;
}
