#pragma once

/*
 * For the one file of a program that draws text: what the sanitizers pass over. What fontconfig has read of the system's
 * fonts stays with it to the end: some 60 kB, however much is drawn. Pango lets a thread of its own read it, and who draws waits
 * for that thread by GLib's locks, which are system calls that ThreadSanitizer does not see.
 */
#if defined(__has_feature)
#define HAS_LEAK_SANITIZER __has_feature(address_sanitizer)
#define HAS_THREAD_SANITIZER __has_feature(thread_sanitizer)
#else
#ifdef __SANITIZE_ADDRESS__
#define HAS_LEAK_SANITIZER 1
#endif
#ifdef __SANITIZE_THREAD__
#define HAS_THREAD_SANITIZER 1
#endif
#endif

#if HAS_LEAK_SANITIZER
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig.so";
}
#endif

#if HAS_THREAD_SANITIZER
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "race:libfontconfig.so";
}
#endif
