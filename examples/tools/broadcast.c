/* fcgi-broadcast: one script on every server, see fcgi-broadcast(1). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "broadcast_options.h"
#include "tool.h"

const char *const tool_name = "fcgi-broadcast";

/* What has come so far. */
typedef struct tally {
  const broadcast_options *options;
  fcgip_response **answers; /* by the server's number, for --json; NULL without */
  size_t answered;
  size_t failed;
} tally;

static int has_failed(const fcgip_response *response)
{
  return fcgip_response_error(response) != FCGIP_OK || fcgip_response_status(response) >= 400;
}

/* ---- lines ---- */

static void print(const char *text)
{
  text_print(stdout, text, strlen(text));
}

/* Each line of what a server sent behind the server's address, so that none can pass for another's. */
static void print_lines(const char *address, const char *mark, const char *text, size_t len)
{
  while (len > 0) {
    const char *end = memchr(text, '\n', len);
    size_t line = end != NULL ? (size_t)(end - text) : len;
    size_t shown = line > 0 && text[line - 1] == '\r' ? line - 1 : line;

    print(address);
    printf(": %s", mark);
    text_print(stdout, text, shown);
    putchar('\n');
    line += end != NULL;
    text += line;
    len -= line;
  }
}

static void print_answer(const broadcast_options *options, const fcgip_response *response)
{
  const char *address = fcgip_endpoint_address(fcgip_response_endpoint(response)), *text;
  int failed = has_failed(response);
  size_t len, stderr_len;

  if (options->quiet && !failed)
    return;
  text = fcgip_response_stderr(response, &stderr_len);
  print_lines(address, "stderr: ", text, stderr_len);
  text = options->show_headers ? fcgip_response_output(response, &len)
                               : fcgip_response_body(response, &len);
  print_lines(address, "", text, len);
  if (fcgip_response_error(response) != FCGIP_OK) {
    print(address);
    printf(": FAILED: ");
    print(text_without(fcgip_response_error_text(response), address));
    putchar('\n');
  } else if (failed || len == 0) {
    print(address);
    printf(": %sHTTP status %d%s\n", failed ? "FAILED: " : "", fcgip_response_status(response),
           len == 0 ? ", no output" : "");
  }
}

/* ---- JSON ---- */

static void print_member(const char *name, const char *text, size_t len)
{
  printf(",\"%s\":", name);
  text_print_json(stdout, text, len);
}

static void print_json_answer(const fcgip_response *response)
{
  const char *address = fcgip_endpoint_address(fcgip_response_endpoint(response)), *text;
  int error = fcgip_response_error(response);
  size_t len, i;
  const char *name, *value;

  printf("{\"address\":");
  text_print_json(stdout, address, strlen(address));
  printf(",\"failed\":%s,\"error\":", has_failed(response) ? "true" : "false");
  if (error != FCGIP_OK) {
    text = fcgip_response_error_text(response);
    printf("{\"name\":\"%s\"", fcgip_errname(error));
    print_member("text", text, strlen(text));
    printf("},\"status\":null");
  } else {
    printf("null,\"status\":%d", fcgip_response_status(response));
  }
  printf(",\"duration\":%.6f,\"headers\":[", fcgip_response_duration(response));
  for (i = 0; fcgip_response_header_at(response, i, &name, &value) == FCGIP_OK; i++) {
    printf("%s[", i > 0 ? "," : "");
    text_print_json(stdout, name, strlen(name));
    putchar(',');
    text_print_json(stdout, value, strlen(value));
    putchar(']');
  }
  putchar(']');
  text = fcgip_response_body(response, &len);
  print_member("body", text, len);
  text = fcgip_response_stderr(response, &len);
  print_member("stderr", text, len);
  putchar('}');
}

static void print_json(const tally *all, size_t count)
{
  const char *version = fcgip_version(), *script = all->options->script;
  size_t i, n = 0;

  printf("{\"version\":");
  text_print_json(stdout, version, strlen(version));
  print_member("script", script, strlen(script));
  printf(",\"failed\":%zu,\"servers\":[", all->failed);
  for (i = 0; i < count; i++)
    if (all->answers[i] != NULL) {
      if (n++ > 0)
        putchar(',');
      print_json_answer(all->answers[i]);
    }
  printf("]}\n");
}

/* ---- all of it ---- */

static void take(fcgip_response *response, size_t index, void *data)
{
  tally *all = data;

  if (has_failed(response))
    all->failed++;
  else
    all->answered++;
  if (all->answers == NULL)
    print_answer(all->options, response);
  else if (all->answers[index] == NULL)
    all->answers[index] = fcgip_response_ref(response);
  fflush(stdout);
}

static int run(broadcast_options *options)
{
  size_t count = options->servers.count, i;
  tally all = {.options = options};
  int rc = FCGIP_OK;

  if (options->is_json) {
    all.answers = calloc(count, sizeof(fcgip_response *));
    if (all.answers == NULL)
      rc = FCGIP_ENOMEM;
  }
  if (rc == FCGIP_OK)
    rc = servers_ask(&options->servers, options->request, take, &all);
  if (rc == FCGIP_OK && options->is_json)
    print_json(&all, count);
  for (i = 0; i < count && all.answers != NULL; i++)
    fcgip_response_free(all.answers[i]);
  free(all.answers);
  if (rc < 0)
    return BROADCAST_TROUBLE;
  if (!options->quiet && !options->is_json)
    fprintf(stderr, "%s: %zu of %zu servers failed\n", tool_name, all.failed, count);
  return all.failed <= BROADCAST_MOST ? (int)all.failed : BROADCAST_MORE;
}

int main(int argc, char **argv)
{
  broadcast_options options;
  int result = broadcast_options_read(&options, argc, argv);

  if (result < 0) {
    result = run(&options);
    if (tool_flush() != 0)
      result = BROADCAST_TROUBLE;
  }
  broadcast_options_free(&options);
  return result;
}
