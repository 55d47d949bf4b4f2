/* Preloaded: KVM gives fewer CPU features than it would. lesser_kvm.py says which (LACKS). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stddef.h>

static const struct { unsigned leaf, subleaf, place, number; } lacks[] = {LACKS};

static void take_from(struct kvm_cpuid2 *answer)
{
    for (unsigned i = 0; i < answer->nent; i++) {
        struct kvm_cpuid_entry2 *entry = &answer->entries[i];
        for (unsigned k = 0; k < sizeof lacks / sizeof *lacks; k++)
            if (entry->function == lacks[k].leaf && entry->index == lacks[k].subleaf)
                *(unsigned *)((char *)entry + lacks[k].place) &= ~(1u << lacks[k].number);
    }
}

int ioctl(int descriptor, unsigned long request, ...)
{
    static int (*real)(int, unsigned long, void *);
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (!real)
        real = dlsym(RTLD_NEXT, "ioctl");
    int result = real(descriptor, request, argument);
    /* QEMU passes the request as an int, which becomes a long by its sign. */
    if (result == 0 && (unsigned)request == KVM_GET_SUPPORTED_CPUID)
        take_from(argument);
    return result;
}
