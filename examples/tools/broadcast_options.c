#include "broadcast_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

enum { CONTENT_MOST = 64 << 20, BODY_MOST = 16 << 20 };

static const char help[] =
    "usage: fcgi-broadcast [OPTION]... SCRIPT [ADDRESS]...\n\n"
    "Runs one script on every server, all at once, and prints what each answers. SCRIPT: its "
    "absolute\n"
    "path on the servers. ADDRESS: 127.0.0.1:9000 (the default), tcp://host:9000, [::1]:9000,\n"
    "unix:///run/php-fpm.sock, /run/php-fpm.sock.\n\n"
    "  -f, --servers FILE           also the addresses in FILE, one a line; - is stdin; can be "
    "repeated\n"
    "  -X, --method METHOD          (GET)\n"
    "  -Q, --query QUERY            QUERY_STRING\n"
    "  -d, --data FILE              content of the request, at most 64 MiB; - is stdin\n"
    "  -t, --type TYPE              of the content (application/x-www-form-urlencoded)\n"
    "  -v, --var NAME=VALUE         a variable for the script; can be repeated\n"
    "  -c, --connect-timeout MS     (5000)\n"
    "  -m, --timeout MS             that a server may take in all (30000)\n"
    "  -i, --headers                show headers, too\n"
    "  -q, --quiet                  show failures only\n"
    "  -j, --json                   one document at the end\n"
    "  -h, --help                   this\n"
    "  -V, --version\n\n"
    "A server has failed if its script cannot be run, or answers with an HTTP status of 400 or "
    "above.\n"
    "Exit: 0 none failed, 1 to 100 so many, 101 more than 100, 125 usage, 126 other trouble\n";

static const struct option named[] = {
    {"servers", required_argument, NULL, 'f'}, {"method", required_argument, NULL, 'X'},
    {"query", required_argument, NULL, 'Q'},   {"data", required_argument, NULL, 'd'},
    {"type", required_argument, NULL, 't'},    {"var", required_argument, NULL, 'v'},
    {"timeout", required_argument, NULL, 'm'}, {"connect-timeout", required_argument, NULL, 'c'},
    {"headers", no_argument, NULL, 'i'},       {"quiet", no_argument, NULL, 'q'},
    {"json", no_argument, NULL, 'j'},          {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},       {NULL, 0, NULL, 0},
};

static int usage(const char *what, const char *why)
{
  tool_complain(what, why);
  fputs("fcgi-broadcast --help says more\n", stderr);
  return BROADCAST_USAGE;
}

static int trouble(int rc)
{
  tool_complain(fcgip_strerror(rc), NULL);
  return BROADCAST_TROUBLE;
}

/* -1 if `rc` is no error; else the exit status. */
static int judge(int rc, const char *what, const char *text)
{
  return rc == FCGIP_OK ? -1 : rc == FCGIP_EINVAL ? usage(what, text) : trouble(rc);
}

static int add_variable(broadcast_options *out, char *text)
{
  char *value = strchr(text, '=');

  if (value == NULL)
    return usage("--var: NAME=VALUE", text);
  *value++ = '\0';
  return judge(fcgip_request_set_custom_var(out->request, text, value),
               "--var: a variable of this name or value is refused", text);
}

static int read_timeout(uint64_t *ms, const char *text)
{
  return tool_number(text, 1, UINT32_MAX - 1, ms) == 0
             ? -1
             : usage("a timeout is a number of milliseconds, at least 1", text);
}

static int is_token(const char *text)
{
  return *text != '\0' && text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789!#$%&'*+-.^_`|~")] == '\0';
}

/* Those that show or choose how to show. -1: go on. */
static int read_switch(broadcast_options *out, int c)
{
  switch (c) {
  case 'i':
    out->show_headers = 1;
    return -1;
  case 'q':
    out->quiet = 1;
    return -1;
  case 'j':
    out->is_json = 1;
    return -1;
  case 'h':
    fputs(help, stdout);
    return tool_flush() == 0 ? 0 : BROADCAST_TROUBLE;
  case 'V':
    printf("fcgi-broadcast %s\n", fcgip_version());
    return tool_flush() == 0 ? 0 : BROADCAST_TROUBLE;
  default:
    return usage("an option is unknown, or lacks what belongs to it", NULL);
  }
}

static int read_option(broadcast_options *out, int c, char *text)
{
  switch (c) {
  case 'f':
    return servers_add_file(&out->servers, text) == FCGIP_OK ? -1 : BROADCAST_USAGE;
  case 'Q':
    out->query = text;
    return strpbrk(text, "\r\n") == NULL ? -1 : usage("--query: one line", NULL);
  case 'd':
    out->content = text;
    return -1;
  case 'X':
    if (!is_token(text))
      return usage("--method: a word such as GET or POST", text);
    return judge(fcgip_request_set_custom_var(out->request, "REQUEST_METHOD", text), "--method",
                 text);
  case 't':
    return judge(fcgip_request_set_content_type(out->request, text), "--type", text);
  case 'v':
    return add_variable(out, text);
  case 'c':
    return read_timeout(&out->connect_timeout_ms, text);
  case 'm':
    return read_timeout(&out->timeout_ms, text);
  default:
    return read_switch(out, c);
  }
}

/* The script, under all the names that it goes by. */
static int set_script(broadcast_options *out)
{
  size_t cap = strlen(out->script) + (out->query != NULL ? strlen(out->query) : 0) + 2;
  char *uri = malloc(cap);
  int rc;

  if (uri == NULL)
    return FCGIP_ENOMEM;
  snprintf(uri, cap, "%s%s%s", out->script, out->query != NULL ? "?" : "",
           out->query != NULL ? out->query : "");
  rc = fcgip_request_set_script_filename(out->request, out->script);
  if (rc == FCGIP_OK)
    rc = fcgip_request_set_custom_var(out->request, "SCRIPT_NAME", out->script);
  if (rc == FCGIP_OK)
    rc = fcgip_request_set_custom_var(out->request, "QUERY_STRING",
                                      out->query != NULL ? out->query : "");
  if (rc == FCGIP_OK)
    rc = fcgip_request_set_request_uri(out->request, uri);
  free(uri);
  return rc;
}

static void free_content(void *content)
{
  free(content);
}

static int set_content(broadcast_options *out)
{
  size_t len;
  char *content;

  if (out->content == NULL)
    return -1;
  content = tool_read_file(out->content, CONTENT_MOST, &len);
  if (content == NULL)
    return BROADCAST_TROUBLE;
  return judge(fcgip_request_set_content_ref(out->request, content, len, free_content, content),
               "--data", out->content);
}

static int add_servers(broadcast_options *out, char *const *addresses)
{
  fcgip_endpoint_options *each = &out->servers.options;
  int rc;

  each->struct_size = sizeof(*each);
  each->connect_timeout_ms = (uint32_t)out->connect_timeout_ms;
  each->read_write_timeout_ms = UINT32_MAX;
  each->request_timeout_ms = (uint32_t)out->timeout_ms;
  each->max_body_bytes = BODY_MOST;
  rc = servers_add_all(&out->servers, addresses);
  if (rc == FCGIP_OK)
    rc = servers_open(&out->servers);
  return rc == FCGIP_OK ? -1 : rc == FCGIP_EINVAL ? BROADCAST_USAGE : BROADCAST_TROUBLE;
}

/* Both cannot read stdin. */
static int wants_stdin_twice(const broadcast_options *options)
{
  size_t files = 0, i;

  for (i = 0; i < options->servers.file_count; i++)
    files += strcmp(options->servers.files[i], "-") == 0;
  return files > 0 && options->content != NULL && strcmp(options->content, "-") == 0;
}

int broadcast_options_read(broadcast_options *out, int argc, char **argv)
{
  int c, result = -1, rc;

  memset(out, 0, sizeof(*out));
  out->connect_timeout_ms = 5000;
  out->timeout_ms = 30000;
  rc = fcgip_request_new(&out->request, "GET", "");
  if (rc < 0)
    return trouble(rc);
  while (result < 0 && (c = getopt_long(argc, argv, "f:X:Q:d:t:v:c:m:iqjhV", named, NULL)) != -1)
    result = read_option(out, c, optarg);
  if (result >= 0)
    return result;
  if (out->is_json && (out->quiet || out->show_headers))
    return usage("--json has everything: no --quiet, no --headers", NULL);
  if (optind >= argc || argv[optind][0] != '/')
    return usage("SCRIPT: a path on the servers that begins with a /",
                 optind < argc ? argv[optind] : NULL);
  if (wants_stdin_twice(out))
    return usage("--servers and --data cannot both be stdin", NULL);
  out->script = argv[optind];
  result = judge(set_script(out), "SCRIPT: one line, not too long", NULL);
  if (result < 0)
    result = set_content(out);
  return result < 0 ? add_servers(out, argv + optind + 1) : result;
}

void broadcast_options_free(broadcast_options *options)
{
  servers_free(&options->servers);
  fcgip_request_free(options->request);
}
