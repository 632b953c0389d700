/* 1 in a build with AddressSanitizer or ThreadSanitizer, which takes some times as long and has larger
 * frames. */
#ifndef CONFORMANCE_INSTRUMENTED_H
#define CONFORMANCE_INSTRUMENTED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CONF_IS_INSTRUMENTED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define CONF_IS_INSTRUMENTED 1
#endif
#endif
#ifndef CONF_IS_INSTRUMENTED
#define CONF_IS_INSTRUMENTED 0
#endif

#endif
