/* Uploads a file, by default this very program: upload [--file FILE] [ADDRESS]... */
#define _XOPEN_SOURCE 700 /* realpath */
#include <fcgiproxy/fcgiproxy.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a server sends may hold anything, and a terminal would obey it. */
static void print_text(const char *text, size_t len)
{
  for (; len > 0; text++, len--)
    printf(*text == '\n' || (*text >= ' ' && *text < 0x7f) ? "%c" : "\\x%02x", *text & 0xff);
}

/* The script's path as the server knows it: php-fpm takes absolute ones only. */
static const char *script_path(const char *name)
{
  static char given[PATH_MAX], absolute[PATH_MAX];
  const char *folder = getenv("FCGIP_SCRIPTS");

  snprintf(given, sizeof(given), "%s/%s", folder != NULL ? folder : "docker/scripts", name);
  return realpath(given, absolute) != NULL ? absolute : given;
}

/* A proxy that sends each request to the next of these servers. */
static int open_proxy(fcgip_proxy **out, int count, char **addresses)
{
  fcgip_endpoint **endpoints = calloc((size_t)count, sizeof(*endpoints));
  fcgip_collection *servers = NULL;
  int rc = endpoints != NULL ? FCGIP_OK : FCGIP_ENOMEM, i;

  for (i = 0; i < count && rc == FCGIP_OK; i++)
    if ((rc = fcgip_endpoint_parse(&endpoints[i], addresses[i], NULL)) < 0)
      fprintf(stderr, "%s: %s\nusage: upload [--file FILE] [ADDRESS]...\n", addresses[i],
              fcgip_strerror(rc));
  if (rc == FCGIP_OK)
    rc = fcgip_round_robin_new(&servers, (const fcgip_endpoint *const *)endpoints, (size_t)count);
  if (rc == FCGIP_OK)
    rc = fcgip_proxy_new(out, servers, NULL);
  fcgip_collection_free(servers); /* the proxy keeps what it needs of these */
  while (i-- > 0)
    fcgip_endpoint_free(endpoints[i]);
  free(endpoints);
  return rc;
}

/* A POST request with what a browser would send for a form with two fields and two files. */
static int upload_request(fcgip_request **out, const char *file)
{
  fcgip_multipart *form;
  int rc = fcgip_multipart_new(&form);

  if (rc < 0 || (rc = fcgip_multipart_add(form, "title", "From C, with \"quotes\"")) < 0 ||
      (rc = fcgip_multipart_add(form, "tags[]", "binary")) < 0 ||
      (rc = fcgip_multipart_add_file(form, "file", file, NULL, NULL)) < 0 ||
      (rc = fcgip_multipart_add_data(form, "note", "a\0b", 3, "note.bin", NULL)) < 0 ||
      (rc = fcgip_post_request_new(out, script_path("upload.php"), NULL, 0)) < 0 ||
      (rc = fcgip_request_set_request_uri(*out, "/upload.php")) < 0 ||
      (rc = fcgip_request_set_multipart(*out, form)) < 0)
    fprintf(stderr, "upload: %s: %s\n", file, fcgip_strerror(rc));
  fcgip_multipart_free(form); /* the request has a copy */
  return rc;
}

int main(int argc, char **argv)
{
  char local[] = "127.0.0.1:9000", *fallback[] = {local};
  const char *file = argv[0], *body;
  fcgip_request *request = NULL;
  fcgip_response *response = NULL;
  fcgip_proxy *proxy = NULL;
  int rc, status;
  size_t len;

  if (argc > 2 && strcmp(argv[1], "--file") == 0) {
    file = argv[2];
    argv += 2;
    argc -= 2;
  }
  if (open_proxy(&proxy, argc > 1 ? argc - 1 : 1, argc > 1 ? argv + 1 : fallback) < 0)
    return 2;
  if ((rc = upload_request(&request, file)) == FCGIP_OK &&
      (rc = fcgip_proxy_send_request(proxy, request, &response)) < 0)
    fprintf(stderr, "%s\n",
            response != NULL ? fcgip_response_error_text(response) : fcgip_strerror(rc));
  body = fcgip_response_body(response, &len);
  status = fcgip_response_status(response);
  print_text(body, len);
  fcgip_response_free(response);
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
  return rc < 0 || status >= 400;
}
