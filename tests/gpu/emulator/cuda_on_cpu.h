// The part of CUDA C++ that cuda.cu uses, for g++: it is put in front of the shipped source.
//
// Every CUDA thread is a fiber (fibers.cpp); lanes meet in whole warps; launches are one-dimensional.
// What is not here does not compile, and what CUDA leaves undefined fails with the kernel's line.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#ifndef __CUDA_ARCH__
#define __CUDA_ARCH__ 900
#endif
#define __global__
#define __device__
#ifndef EMU_KEEP_BOUNDS  // defined when the kernels are listed, not when they are compiled
#define __launch_bounds__(...)
#endif
#define __align__(bytes) alignas(bytes)

struct Index {
    unsigned x;
};
struct Place {
    Index thread, block, block_size, grid_size;
};
enum Meeting { SHUFFLE_XOR, BALLOT, SYNC };
struct Options {
    unsigned seed;          // 0: threads in order; else a random schedule
    int resident;           // blocks that run side by side
    int flush_denormals;    // as CuPy's option -ftz=true
    uint64_t loaded, added; // out: bytes of __ldcg and of atomicAdd
};

extern "C" {
extern Place* emu_place;  // of the running thread
uint64_t emu_meet(Meeting kind, unsigned mask, uint64_t value, int lane_mask, int line);
void* emu_shared_memory(int line);
// Counts the bytes of an access to a table and, in a random schedule, lets another thread go first.
void emu_touch(unsigned loaded, unsigned added);
int emu_launch(void (*entry)(void**), void** arguments, unsigned grid, unsigned block, size_t shared,
               Options* options, char* error, size_t error_size);
}

#define threadIdx (emu_place->thread)
#define blockIdx (emu_place->block)
#define blockDim (emu_place->block_size)
#define gridDim (emu_place->grid_size)

// ------------------------------------------------------------------------------- warp operations

template <class T>
T emu_shuffle(unsigned mask, T value, int lane_mask, int line) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "a shuffle moves 4 or 8 bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(T));
    bits = emu_meet(SHUFFLE_XOR, mask, bits, lane_mask, line);
    memcpy(&value, &bits, sizeof(T));
    return value;
}

// The line, and which use on it: two operations on one line are different operations.
#define EMU_USE (__LINE__ | __COUNTER__ % 2000 << 20)
#define __shfl_xor_sync(mask, value, lane_mask) emu_shuffle(mask, value, lane_mask, EMU_USE)
#define __ballot_sync(mask, predicate) \
    ((unsigned)emu_meet(BALLOT, mask, (predicate) ? 1 : 0, 0, EMU_USE))
#define __syncwarp() ((void)emu_meet(SYNC, 0xffffffffu, 0, 0, EMU_USE))

// --------------------------------------------------------------------------------- global memory

struct alignas(16) float4 {
    float x, y, z, w;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

inline float emu_load(const float* from) {
    const uint32_t bits = __atomic_load_n((const uint32_t*)from, __ATOMIC_RELAXED);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
inline float __ldcg(const float* from) {
    emu_touch(sizeof(float), 0);
    return emu_load(from);
}
inline float4 __ldcg(const float4* from) {
    emu_touch(sizeof(float4), 0);
    const float4& whole = *std::launder(from);  // alignment is UBSan's to check, on a real reference
    return {emu_load(&whole.x), emu_load(&whole.y), emu_load(&whole.z), emu_load(&whole.w)};
}

inline float atomicAdd(float* to, float value) {
    emu_touch(0, sizeof(float));
    uint32_t before = __atomic_load_n((uint32_t*)to, __ATOMIC_RELAXED), after;
    float old, sum;
    do {
        memcpy(&old, &before, sizeof old);
        sum = old + value;
        memcpy(&after, &sum, sizeof sum);
    } while (!__atomic_compare_exchange_n((uint32_t*)to, &before, after, false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return old;
}
inline float4 atomicAdd(float4* to, float4 value) {
    float4& whole = *std::launder(to);
    return {atomicAdd(&whole.x, value.x), atomicAdd(&whole.y, value.y),
            atomicAdd(&whole.z, value.z), atomicAdd(&whole.w, value.w)};
}

// ------------------------------------------------------------------------------------ arithmetic

inline float __expf(float x) { return expf(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
template <class A, class B>
std::common_type_t<A, B> min(A a, B b) {
    return b < a ? b : a;
}
template <class A, class B>
std::common_type_t<A, B> max(A a, B b) {
    return a < b ? b : a;
}

// ----------------------------------------------------------------------------- a kernel, for Python

template <class T>
std::string emu_type() {  // "f4", "const f4*", ...: NumPy's names
    using Plain = std::remove_cv_t<std::remove_pointer_t<T>>;
    const char kind = std::is_same_v<Plain, bool>        ? 'b'
                      : std::is_floating_point_v<Plain> ? 'f'
                      : std::is_signed_v<Plain>         ? 'i'
                                                        : 'u';
    const bool constant = std::is_const_v<std::remove_pointer_t<T>>;
    return (constant ? "const " : "") + std::string(1, kind) + std::to_string(sizeof(Plain)) +
           (std::is_pointer_v<T> ? "*" : "");
}

template <auto Kernel>
struct Exported;
template <class... Argument, void (*Kernel)(Argument...)>
struct Exported<Kernel> {
    template <size_t... I>
    static void call(void** arguments, std::index_sequence<I...>) {
        Kernel(*(Argument*)arguments[I]...);
    }
    static void entry(void** arguments) { call(arguments, std::index_sequence_for<Argument...>{}); }
    static const char* signature() {
        static const std::string types = ((emu_type<Argument>() + ";") + ...);
        return types.c_str();
    }
};

#define EMU_EXPORT(name, bound)                                                                 \
    extern "C" unsigned emu_bound_##name() { return bound; }                                     \
    extern "C" int emu_run_##name(void** arguments, unsigned grid, unsigned block, size_t shared, \
                                  Options* options, char* error, size_t error_size) {           \
        return emu_launch(&Exported<&name>::entry, arguments, grid, block, shared, options,      \
                          error, error_size);                                                    \
    }                                                                                            \
    extern "C" const char* emu_signature_##name() { return Exported<&name>::signature(); }
