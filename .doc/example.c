#include <fcgiproxy/fcgiproxy.h>
#include <stdio.h>

int main(int argc, char **argv)
{
  fcgip_endpoint *server = NULL;
  fcgip_collection *servers = NULL;
  fcgip_proxy *proxy = NULL;
  fcgip_request *request = NULL;
  fcgip_response *response = NULL;
  size_t len;
  int rc = FCGIP_EINVAL;

  if (argc == 3)
    rc = fcgip_endpoint_parse(&server, argv[1], NULL);
  if (rc == FCGIP_OK)
    rc = fcgip_round_robin_new(&servers, (const fcgip_endpoint *const *)&server, 1);
  if (rc == FCGIP_OK)
    rc = fcgip_proxy_new(&proxy, servers, NULL);
  if (rc == FCGIP_OK)
    rc = fcgip_get_request_new(&request, argv[2], NULL, 0);
  if (rc == FCGIP_OK)
    rc = fcgip_proxy_send_request(proxy, request, &response);

  if (rc == FCGIP_OK)
    printf("%d, %s", fcgip_response_status(response),
           (const char *)fcgip_response_body(response, &len));
  else
    fprintf(stderr, "%s: %s\n", fcgip_strerror(rc), fcgip_response_error_text(response));
  fcgip_response_free(response);
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
  fcgip_collection_free(servers);
  fcgip_endpoint_free(server);
  return rc != FCGIP_OK;
}
