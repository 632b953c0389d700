/* A program that uses the library, in what C99, C11, C++11 and C++20 have in common. It needs no server:
 * the address given to it is one where nobody listens. Prints the version. */
#include <fcgiproxy/fcgiproxy.h>
#include <stdio.h>
#include <string.h>

static int calls;

static void on_failure(fcgip_response *response, void *user_data)
{
  (void)user_data;
  calls += fcgip_response_error(response) == FCGIP_ECONNECT;
}

static int send_one(const fcgip_collection *servers)
{
  fcgip_proxy_options options;
  fcgip_request *request = NULL;
  fcgip_response *response = NULL;
  fcgip_proxy *proxy = NULL;
  int rc;

  memset(&options, 0, sizeof(options));
  options.struct_size = (uint32_t)sizeof(options);
  if ((rc = fcgip_proxy_new(&proxy, servers, &options)) == FCGIP_OK &&
      (rc = fcgip_post_request_new(&request, "/x.php", "a=1", 3)) == FCGIP_OK &&
      (rc = fcgip_request_set_server_name(request, "example.test")) == FCGIP_OK &&
      (rc = fcgip_request_add_failure_callback(request, on_failure, NULL, NULL)) == FCGIP_OK &&
      (rc = fcgip_proxy_send_async_request(proxy, request, NULL)) == FCGIP_OK &&
      (rc = fcgip_proxy_wait_for_responses(proxy, 5000)) == FCGIP_OK)
    rc = fcgip_proxy_send_request(proxy, request, &response);
  if (response != NULL && rc == FCGIP_ECONNECT && strlen(fcgip_response_error_text(response)) > 0)
    calls++;
  fcgip_response_free(response);
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
  return calls == 2 ? FCGIP_OK : rc;
}

int main(int argc, char **argv)
{
  const char *address = argc > 1 ? argv[1] : "unix:///nowhere/fpm.sock";
  fcgip_endpoint *endpoint = NULL;
  fcgip_collection *servers = NULL;
  const fcgip_endpoint *list[1];
  int rc;

  if ((rc = fcgip_endpoint_parse(&endpoint, address, NULL)) == FCGIP_OK) {
    list[0] = endpoint;
    rc = fcgip_round_robin_new(&servers, list, 1);
  }
  if (rc == FCGIP_OK)
    rc = send_one(servers);
  fcgip_collection_free(servers);
  fcgip_endpoint_free(endpoint);
  if (rc != FCGIP_OK || calls != 2) {
    fprintf(stderr, "consumer: %s, %d calls\n", fcgip_strerror(rc), calls);
    return 1;
  }
  puts(fcgip_version());
  return 0;
}
