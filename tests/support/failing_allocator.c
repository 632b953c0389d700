#include "support/failing_allocator.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIVE UINT64_C(0x616c6c6f63617465)
#define DEAD UINT64_C(0x6465616462656566)
#define FRESH_PATTERN 0xa5
#define FREED_PATTERN 0xdd

/* Before every block. */
typedef union header {
  struct {
    uint64_t magic;
    size_t size;
    const failing_allocator *owner;
  } is;
  max_align_t alignment;
} header;

/* NULL, and a misuse noted, unless it is a live block of this allocator. A block that was freed is
 * looked at here for its magic: AddressSanitizer reports that first, which is as good. */
static header *header_of(failing_allocator *memory, void *block)
{
  header *head = (header *)block - 1;

  if (head->is.magic != ALIVE || head->is.owner != memory) {
    memory->misuses++;
    return NULL;
  }
  return head;
}

static int may_allocate(failing_allocator *memory, size_t size, size_t given_back)
{
  memory->total_calls++;
  if (size == 0)
    memory->misuses++; /* ISO C leaves it open what that returns */
  if (memory->fail_at > 0 && (memory->persistent ? memory->total_calls >= memory->fail_at
                                                 : memory->total_calls == memory->fail_at))
    return 0;
  if (memory->limit_bytes > 0) {
    size_t others = memory->live_bytes - given_back;

    if (others > memory->limit_bytes || size > memory->limit_bytes - others)
      return 0;
  }
  return size <= SIZE_MAX - sizeof(header);
}

static void *take_block(failing_allocator *memory, size_t size)
{
  header *head = malloc(sizeof(*head) + size);

  if (head == NULL)
    return NULL;
  head->is.magic = ALIVE;
  head->is.size = size;
  head->is.owner = memory;
  memset(head + 1, FRESH_PATTERN, size);
  memory->live_blocks++;
  memory->live_bytes += size;
  if (memory->live_bytes > memory->peak_bytes)
    memory->peak_bytes = memory->live_bytes;
  return head + 1;
}

static void give_back(failing_allocator *memory, header *head)
{
  memory->live_blocks--;
  memory->live_bytes -= head->is.size;
  memset(head + 1, FREED_PATTERN, head->is.size);
  head->is.magic = DEAD;
  free(head);
}

static void *counting_malloc(size_t size, void *user_data)
{
  failing_allocator *memory = user_data;
  void *block = may_allocate(memory, size, 0) ? take_block(memory, size) : NULL;

  if (block == NULL)
    memory->failures++;
  return block;
}

static void *counting_realloc(void *block, size_t size, void *user_data)
{
  failing_allocator *memory = user_data;
  header *head;
  void *moved;
  size_t peak_bytes;

  if (block == NULL)
    return counting_malloc(size, user_data);
  head = header_of(memory, block);
  if (head == NULL)
    return NULL;

  /* The two blocks that exist for a moment here are an affair of ours. */
  peak_bytes = memory->peak_bytes;
  moved = may_allocate(memory, size, head->is.size) ? take_block(memory, size) : NULL;
  if (moved == NULL) {
    memory->failures++;
    return NULL;
  }
  memcpy(moved, block, size < head->is.size ? size : head->is.size);
  give_back(memory, head);
  memory->peak_bytes = memory->live_bytes > peak_bytes ? memory->live_bytes : peak_bytes;
  return moved;
}

static void counting_free(void *block, void *user_data)
{
  failing_allocator *memory = user_data;
  header *head;

  if (block == NULL)
    return;
  memory->total_frees++;
  head = header_of(memory, block);
  if (head != NULL)
    give_back(memory, head);
}

void failing_allocator_init(failing_allocator *memory)
{
  memset(memory, 0, sizeof(*memory));
  memory->hook.struct_size = sizeof(memory->hook);
  memory->hook.malloc_fn = counting_malloc;
  memory->hook.realloc_fn = counting_realloc;
  memory->hook.free_fn = counting_free;
  memory->hook.user_data = memory;
}

void failing_allocator_fail_at(failing_allocator *memory, size_t nth,
                               enum failing_allocator_mode mode)
{
  memory->total_calls = 0;
  memory->failures = 0;
  memory->fail_at = nth;
  memory->persistent = mode == FAIL_FROM_THEN_ON;
}
