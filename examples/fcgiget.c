/* One request from the command line: `fcgiget --help` says how. */
#define _XOPEN_SOURCE 700 /* getopt, open_memstream */
#include <fcgiproxy/fcgiproxy.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: fcgiget [OPTION]... ADDRESS/PATH[?QUERY]\n"
    "ADDRESS: 127.0.0.1:9000, tcp://host:9000, [::1]:9000, unix:///run/php-fpm.sock (of which the\n"
    "longest beginning that is a socket is the address, and the rest is PATH)\n"
    "  --method METHOD (GET)  --content FILE (- for stdin)  --type TYPE (of the content)\n"
    "  --script FILE (on the server; PATH)  --var NAME=VALUE (repeatable)  --headers (shown, too)\n"
    "  --connect-timeout MS (5000)  --timeout MS (in all; without, 5000 with no byte)\n"
    "Exit: 0 HTTP below 400, 1 HTTP from 400, 2 usage, 3 no connection, 4 timeout, 5 other "
    "failure\n";
static const struct option options[] = {{"method", 1, 0, 'm'},
                                        {"content", 1, 0, 'c'},
                                        {"type", 1, 0, 't'},
                                        {"script", 1, 0, 's'},
                                        {"var", 1, 0, 'v'},
                                        {"headers", 0, 0, 'h'},
                                        {"connect-timeout", 1, 0, 'C'},
                                        {"timeout", 1, 0, 'T'},
                                        {"help", 0, 0, 'H'},
                                        {0, 0, 0, 0}};

static void must(int rc, const char *what)
{
  if (rc < 0 && fprintf(stderr, "fcgiget: %s\n", what) > 0)
    exit(rc == FCGIP_EINVAL ? 2 : rc / 100 == -2 ? 3 : rc == FCGIP_ETIMEDOUT ? 4 : 5);
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

static char *read_all(const char *file, size_t *len)
{
  FILE *in = strcmp(file, "-") != 0 ? fopen(file, "rb") : stdin, *out;
  char *content = NULL;

  out = open_memstream(&content, len);
  for (int c; in != NULL && out != NULL && (c = getc(in)) != EOF;)
    putc(c, out);
  must(in != NULL && out != NULL && !ferror(in) && fclose(out) == 0 ? FCGIP_OK : FCGIP_EFILE, file);
  return content;
}

/* Control characters from a server must not reach a terminal. */
static void show(FILE *to, const char *text, size_t len)
{
  for (; len > 0; text++, len--)
    fprintf(to, *text == '\n' || (*text >= ' ' && *text < 0x7f) ? "%c" : "\\x%02x", *text & 0xff);
}

int main(int argc, char **argv)
{
  fcgip_endpoint_options limits = {.struct_size = sizeof(limits)};
  const char *given[128] = {NULL}, *text, *name;
  char *path, *content = NULL;
  fcgip_endpoint *server;
  fcgip_collection *servers;
  fcgip_request *request;
  fcgip_response *response;
  fcgip_proxy *proxy;
  size_t len = 0, i;
  int c, rc;

  while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
    given[c] = optarg != NULL ? optarg : "";
  if (given['H'] != NULL)
    return fputs(help, stdout) < 0 ? 5 : 0;
  must(given['?'] == NULL && optind == argc - 1 ? FCGIP_OK : FCGIP_EINVAL, "fcgiget --help");
  path = find_path(argv[optind]);
  must(path != NULL ? FCGIP_OK : FCGIP_EINVAL, "no path");
  must(fcgip_request_new(&request,
                         given['m']   ? given['m']
                         : given['c'] ? "POST"
                                      : "GET",
                         ""),
       "bad method");
  must(fcgip_request_set_request_uri(request, path), "bad path");
  *strchr...
}
