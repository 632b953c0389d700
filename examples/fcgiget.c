/* One request from the command line: `fcgiget --help` says how. */
#define _XOPEN_SOURCE 700 /* getopt, open_memstream */
#include <fcgiproxy/fcgiproxy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: fcgiget [-X METHOD] [-d FILE] [-t TYPE] [-s SCRIPT_FILENAME] [-v NAME=VALUE]...\n"
    "               [-c CONNECT_TIMEOUT_MS] [-m REQUEST_TIMEOUT_MS] [-i] ADDRESS/PATH[?QUERY]\n"
    "ADDRESS is host:9000, tcp://host:9000, [::1]:9000 or unix:///run/php-fpm.sock; of the last, "
    "the\n"
    "longest beginning that is a socket now, and PATH is the rest. -d sends FILE (-: stdin), by "
    "POST\n"
    "unless -X says otherwise; -s replaces PATH as what the server runs; -i shows the headers, "
    "too.\n"
    "exit: 0 HTTP below 400, 1 HTTP from 400, 2 usage, 3 no connection, 4 timeout, 5 other "
    "failure\n";

/* Ends the program if `rc` is an error. */
static void must(int rc, const char *what, const char *why)
{
  if (rc == FCGIP_OK)
    return;
  fprintf(stderr, "fcgiget: %s: %s\n", what, why != NULL ? why : fcgip_strerror(rc));
  exit(rc == FCGIP_EINVAL ? 2 : rc / 100 == -2 ? 3 : rc == FCGIP_ETIMEDOUT ? 4 : 5);
}

/* 0, which is the default, if the option was not given. */
static uint32_t milliseconds(const char *text)
{
  size_t digits = text != NULL ? strspn(text, "0123456789") : 0;

  must(text == NULL || (digits < 10 && text[digits] == '\0') ? FCGIP_OK : FCGIP_EINVAL, text, NULL);
  return text != NULL ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

/* Where PATH begins; NULL if nowhere. */
static char *find_path(char *address)
{
  char *file = strchr(address, '/'), *p, *found = NULL;
  struct stat st;

  if (address[0] != '/' && strncmp(address, "unix:", 5) != 0)
    return strchr(strncmp(address, "tcp://", 6) == 0 ? address + 6 : address, '/');
  for (p = file; p != NULL; *p = '/', p = strchr(p + 1, '/')) {
    *p = '\0';
    found = stat(file, &st) == 0 && S_ISSOCK(st.st_mode) ? p : found;
  }
  return found;
}

/* A terminal would obey control characters; others get what the server sent, unless it is a header. */
static void show(FILE *to, const char *text, size_t len)
{
  for (; len > 0; text++, len--)
    fprintf(to, *text == '\n' || (*text >= ' ' && *text < 0x7f) ? "%c" : "\\x%02x", *text & 0xff);
}

int main(int argc, char **argv)
{
  fcgip_endpoint_options limits = {.struct_size = sizeof(limits)};
  const char *given[128] = {NULL}, *text, *name;
  char *path, *content = NULL, *equals;
  fcgip_endpoint *server;
  fcgip_collection *servers;
  fcgip_request *request;
  fcgip_response *response;
  fcgip_proxy *proxy;
  size_t len = 0, i;
  int c, rc;

  if (argc > 1 && strcmp(argv[1], "--help") == 0)
    return fputs(help, stdout) < 0 ? 5 : 0;
  while ((c = getopt(argc, argv, "X:d:t:s:v:c:m:i")) != -1)
    given[c] = optarg;
  if (given['?'] ...
  must(given['?'] == NULL && optind + 1 == argc ? FCGIP_OK : FCGIP_EINVAL, "usage", help);
  path = find_path(argv[optind]);
  must(path != NULL ? FCGIP_OK : FCGIP_EINVAL, argv[optind], "no path in it, or no socket");
  must(fcgip_request_new(&request, given['X'] ? given['X'] : given['d'] ? "POST" : "GET", ""), "method", NULL);
  must(fcgip_request_set_request_uri(request, path), path, NULL);
  path[strcspn(path, "?")] = '\0';
  must(fcgip_request_set_script_filename(request, given['s'] ? given['s'] : path), path, NULL);
  must(fcgip_request_set_custom_var(request, "SCRIPT_NAME", path), path, NULL);
  *path = '\0';
  limits.connect_timeout_ms = milliseconds(given['c']);
  limits.request_timeout_ms = milliseconds(given['m']);
  limits.read_write_timeout_ms = given['m'] != NULL ? UINT32_MAX : 0;
  must(fcgip_endpoint_parse(&server, argv[optind], &limits), argv[optind], NULL);
  must(fcgip_round_robin_new(&servers, (const fcgip_endpoint *const *)&server, 1), "", NULL);
  must(fcgip_proxy_new(&proxy, servers, NULL), "", NULL);
  if (given['t'] != NULL)
    must(fcgip_request_set_content_type(request, given['t']), given['t'], NULL);
  if (given['d'] != NULL) {
    FILE *in = strcmp(given['d'], "-") != 0 ? fopen(given['d'], "rb") : stdin,
         *out = open_memstream(&content, &len);
    while (in != NULL && out != NULL && (c = getc(in)) != EOF)
      putc(c, out);
    must(in != NULL && out != NULL && !ferror(in) && fclose(out) == 0 ? FCGIP_OK : FCGIP_EFILE,
         given['d'], NULL);
    must(fcgip_request_set_content(request, content, len), given['d'], NULL);
  }
  for (optind = 1; (c = getopt(argc, argv, letters)) != -1;) 
    if (c == 'v') {
    }
  rc = fcgip_proxy_send_request(proxy, request, &response);
  for (i = 0; given['i'] && fcgip_response_header_at(response, i, &name, &text) == FCGIP_OK; i++) {
    ...
  }
  text = fcgip_response_body(response, &len);
  ...
  return fcgip_response_status(response) >= 400;
}
