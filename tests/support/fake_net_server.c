/* The other side of the fake network: the server's records, and the event loop that is told what to watch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fake_net.h"
#include "support/reference_encoder.h"

void fake_net_record(fake_net *net, size_t socket, unsigned type, const void *content, size_t len,
                     unsigned padding)
{
  unsigned id = fake_net_socket(net, socket)->request_id;
  reference_bytes bytes = {0};

  reference_record(&bytes, type, id, content, len, padding);
  fake_net_data_at(net, net->now_us, socket, bytes.data, bytes.len);
  free(bytes.data);
}

void fake_net_stdout(fake_net *net, size_t socket, const char *text)
{
  fake_net_record(net, socket, 6, text, strlen(text), 0);
}

static void end_body(uint8_t out[8], uint32_t app_status, unsigned protocol_status)
{
  memset(out, 0, 8);
  out[0] = (uint8_t)(app_status >> 24);
  out[1] = (uint8_t)(app_status >> 16);
  out[2] = (uint8_t)(app_status >> 8);
  out[3] = (uint8_t)app_status;
  out[4] = (uint8_t)protocol_status;
}

void fake_net_end(fake_net *net, size_t socket, uint32_t app_status, unsigned protocol_status)
{
  uint8_t body[8];

  end_body(body, app_status, protocol_status);
  fake_net_record(net, socket, 3, body, sizeof(body), 0);
}

void fake_net_answer(fake_net *net, size_t socket, const char *body)
{
  fake_net_stdout(net, socket, "Content-Type: text/plain\r\n\r\n");
  if (body[0] != '\0')
    fake_net_stdout(net, socket, body);
  fake_net_end(net, socket, 0, 0);
}

void fake_net_serve(fake_net *net, size_t socket)
{
  const fake_socket *from = fake_net_socket(net, socket);
  reference_bytes bytes = {0};
  uint8_t body[8];
  char text[96];
  int n = snprintf(text, sizeof(text), "X-Socket: %zu\r\nX-Request: %zu\r\n\r\nserved", socket,
                   from->requests);

  end_body(body, 0, 0);
  reference_record(&bytes, 6, from->request_id, text, (size_t)n, 0);
  reference_record(&bytes, 3, from->request_id, body, sizeof(body), net->serve_padding);
  fake_net_data_at(net, net->now_us + net->serve_us, socket, bytes.data, bytes.len);
  free(bytes.data);
}

void fake_net_watch(void *context, int fd, short events)
{
  fake_net *net = context;
  fake_socket *socket = fake_net_by_fd(net, fd);

  if (socket == NULL) {
    fake_net_violate(net, "the watch function was told of a descriptor that is not open");
    return;
  }
  if (socket->watched == events)
    fake_net_violate(net, "the watch function was told the same twice");
  if ((events & ~(POLLIN | POLLOUT)) != 0)
    fake_net_violate(net, "the watch function was told of other events than POLLIN and POLLOUT");
  socket->watched = events;
  socket->told++;
}

size_t fake_net_watched(const fake_net *net, struct pollfd *fds, size_t cap)
{
  size_t count = 0, i;

  for (i = 0; i < net->socket_count; i++) {
    const fake_socket *socket = &net->sockets[i];

    if (!socket->is_open || socket->watched == 0)
      continue;
    if (count < cap) {
      fds[count].fd = socket->fd;
      fds[count].events = socket->watched;
      fds[count].revents = 0;
    }
    count++;
  }
  return count;
}
