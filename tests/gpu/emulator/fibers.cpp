// Runs a CUDA launch on one CPU thread: every CUDA thread is a fiber, switched where lanes meet.
//
// Strict where CUDA is undefined: lanes that meet in different operations, that ended, or that never
// come. What a device refuses to launch, limits.py refuses before. Shared memory starts as NaN. Compile
// this file without -fsanitize: it tells the sanitizers of its fibers itself (EMU_TSAN, EMU_ASAN).
#include "cuda_on_cpu.h"

#include <cstdio>
#include <cstdlib>
#include <new>
#include <sys/mman.h>
#include <ucontext.h>
#include <vector>
#include <xmmintrin.h>

#if defined(EMU_TSAN)
extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned);
void __tsan_destroy_fiber(void*);
void __tsan_switch_to_fiber(void*, unsigned);
void __tsan_acquire(void*);
void __tsan_release(void*);
}
#else
static void* __tsan_get_current_fiber() { return nullptr; }
static void* __tsan_create_fiber(unsigned) { return nullptr; }
static void __tsan_destroy_fiber(void*) {}
static void __tsan_switch_to_fiber(void*, unsigned) {}
static void __tsan_acquire(void*) {}
static void __tsan_release(void*) {}
#endif
#if defined(EMU_ASAN)
extern "C" {
void __sanitizer_start_switch_fiber(void**, const void*, size_t);
void __sanitizer_finish_switch_fiber(void*, const void**, size_t*);
void __asan_poison_memory_region(const volatile void*, size_t);
void __asan_unpoison_memory_region(const volatile void*, size_t);
}
#else
static void __sanitizer_start_switch_fiber(void**, const void*, size_t) {}
static void __sanitizer_finish_switch_fiber(void*, const void**, size_t*) {}
static void __asan_poison_memory_region(const volatile void*, size_t) {}
static void __asan_unpoison_memory_region(const volatile void*, size_t) {}
#endif

Place* emu_place;
Options* emu_options;

namespace {

constexpr unsigned WARP = 32, ALL_LANES = 0xffffffffu;
constexpr size_t STACK = 128 << 10, GUARD = 4096, RED_ZONE = 256;
// TSan reuses the numbers of ended fibers, so they are kept; it has room for about 8000.
constexpr size_t KEPT_FIBERS = 6000;

// ---------------------------------------------------------------------------- switching of stacks

#if !defined(__x86_64__)
struct Context {
    ucontext_t state;
    void start(char* stack, void (*run)()) {
        getcontext(&state);
        state.uc_stack.ss_sp = stack;
        state.uc_stack.ss_size = STACK;
        state.uc_link = nullptr;
        makecontext(&state, run, 0);
    }
};
void switch_context(Context& from, Context& to) { swapcontext(&from.state, &to.state); }
#else
extern "C" void emu_switch(void** from, void* to);
asm(".text\nemu_switch:\n"
    "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"
    "movq %rsp,(%rdi)\nmovq %rsi,%rsp\n"
    "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nret\n");
struct Context {
    void* stack_pointer;
    void start(char* stack, void (*run)()) {
        void** top = (void**)(stack + STACK) - 1;  // as after a call: 8 beyond a multiple of 16
        *--top = (void*)run;
        for (int saved = 0; saved < 6; ++saved) *--top = nullptr;
        stack_pointer = top;
    }
};
void switch_context(Context& from, Context& to) {
    emu_switch(&from.stack_pointer, to.stack_pointer);
}
#endif

std::vector<char*> free_stacks;

char* take_stack() {
    if (!free_stacks.empty()) {
        char* stack = free_stacks.back();
        free_stacks.pop_back();
        return stack;
    }
    char* memory = (char*)mmap(nullptr, GUARD + STACK, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    mprotect(memory, GUARD, PROT_NONE);
    return memory + GUARD;
}

// ------------------------------------------------------------------------------ threads and blocks

struct Block;
struct Warp;
enum State { READY, MEETING, ENDED };

struct Fiber {
    Place place;
    Block* block;
    Warp* warp;
    State state = READY;
    Meeting kind;
    int lane_mask;
    uint64_t value, result;
    Context context;
    char* stack;
    void *tsan, *asan;
};

struct Warp {
    Fiber* lane[WARP];
    unsigned lanes = 0, ended = 0;
    unsigned arrived = 0;  // at the line where lanes meet
    int line = 0;
};

struct Block {
    std::vector<Fiber> fibers;
    std::vector<Warp> warps;
    size_t ended = 0, shared_bytes;
    char* shared;
};

struct Launch {
    void (*entry)(void**);
    void** arguments;
    std::vector<Fiber*> ready;  // a ring, never grown: the sanitizers must not see fibers allocate
    size_t first = 0, waiting = 0;
    std::vector<Block*> kept;
    size_t kept_fibers = 0;
    uint64_t random;
    bool failed = false;
    char error[400];
    Context main;
    void *tsan, *asan;
    const void* main_stack;
    size_t main_stack_size;
} * launch;

Fiber* running;

unsigned next_random() {
    uint64_t& bits = launch->random;
    bits ^= bits << 13;
    bits ^= bits >> 7;
    bits ^= bits << 17;
    return (unsigned)(bits >> 16);
}

void make_ready(Fiber* fiber) {
    fiber->state = READY;
    launch->ready[(launch->first + launch->waiting++) % launch->ready.size()] = fiber;
}

Fiber* take_ready() {
    auto& ready = launch->ready;
    if (emu_options->seed)
        std::swap(ready[launch->first],
                  ready[(launch->first + next_random() % launch->waiting) % ready.size()]);
    Fiber* fiber = ready[launch->first];
    launch->first = (launch->first + 1) % ready.size();
    --launch->waiting;
    return fiber;
}

void leave(Fiber* fiber) {  // back to the scheduler
    __tsan_switch_to_fiber(launch->tsan, 1);
    __sanitizer_start_switch_fiber(fiber->state == ENDED ? nullptr : &fiber->asan,
                                   launch->main_stack, launch->main_stack_size);
    switch_context(fiber->context, launch->main);
    __sanitizer_finish_switch_fiber(fiber->asan, nullptr, nullptr);
}

void enter(Fiber* fiber) {
    running = fiber;
    emu_place = &fiber->place;
    __tsan_switch_to_fiber(fiber->tsan, 1);
    __sanitizer_start_switch_fiber(&launch->asan, fiber->stack, STACK);
    switch_context(launch->main, fiber->context);
    __sanitizer_finish_switch_fiber(launch->asan, nullptr, nullptr);
}

void note_failure(const Fiber* fiber, const char* what, int line) {
    if (launch->failed) return;
    launch->failed = true;
    snprintf(launch->error, sizeof launch->error, "cuda.cu line %d, block %u thread %u: %s",
             line & 0xfffff, fiber->place.block.x, fiber->place.thread.x, what);
}

[[noreturn]] void fail(const char* what, int line) {
    note_failure(running, what, line);
    for (;;) leave(running);
}

void run_fiber() {
    __sanitizer_finish_switch_fiber(nullptr, &launch->main_stack, &launch->main_stack_size);
    Fiber* fiber = running;
    launch->entry(launch->arguments);
    __tsan_release(launch);
    if (fiber->warp->arrived)
        fail("the thread ended while its warp waits for it", fiber->warp->line);
    fiber->state = ENDED;
    ++fiber->warp->ended;
    ++fiber->block->ended;
    leave(fiber);
    abort();
}

Block* start_block(unsigned index, unsigned grid, unsigned size, size_t shared_bytes) {
    Block* block = new Block;
    block->shared_bytes = shared_bytes;
    block->shared = (char*)aligned_alloc(256, (shared_bytes + 2 * RED_ZONE - 1) / 256 * 256);
    memset(block->shared, 0xff, shared_bytes + 1);  // NaN and -1: nobody may rely on zeros
    __asan_poison_memory_region(block->shared + shared_bytes, RED_ZONE / 2);
    block->fibers.resize(size);
    block->warps.resize((size + WARP - 1) / WARP, Warp{});
    for (unsigned i = 0; i < size; ++i) {
        Fiber& fiber = block->fibers[i];
        fiber.place = {{i}, {index}, {size}, {grid}};
        fiber.block = block;
        fiber.warp = &block->warps[i / WARP];
        fiber.stack = take_stack();
        fiber.tsan = __tsan_create_fiber(0);
        fiber.context.start(fiber.stack, run_fiber);
        fiber.warp->lane[fiber.warp->lanes++] = &fiber;
        make_ready(&fiber);
    }
    return block;
}

void free_block(Block* block) {
    __tsan_acquire(launch);  // the fibers' last accesses come before
    for (Fiber& fiber : block->fibers) {
        __tsan_destroy_fiber(fiber.tsan);
        free_stacks.push_back(fiber.stack);
    }
    __asan_unpoison_memory_region(block->shared + block->shared_bytes, RED_ZONE / 2);
    free(block->shared);
    delete block;
}

void end_block(Block* block) {
#if defined(EMU_TSAN)
    if (launch->kept_fibers + block->fibers.size() < KEPT_FIBERS) {
        launch->kept_fibers += block->fibers.size();
        launch->kept.push_back(block);
        return;
    }
#endif
    free_block(block);
}

void finish_meeting(Warp& warp) {
    unsigned votes = 0;
    for (unsigned i = 0; i < WARP; ++i) votes |= (unsigned)(warp.lane[i]->value & 1) << i;
    for (unsigned i = 0; i < WARP; ++i) {
        Fiber* fiber = warp.lane[i];
        fiber->result = fiber->kind == SHUFFLE_XOR ? warp.lane[i ^ fiber->lane_mask]->value : votes;
        if (fiber != running) make_ready(fiber);
    }
    warp.arrived = 0;
}

void run_blocks(unsigned grid, unsigned size, size_t shared) {
    const unsigned resident = emu_options->resident;
    std::vector<unsigned> order(grid);
    for (unsigned i = 0; i < grid; ++i) order[i] = i;
    if (emu_options->seed)
        for (unsigned i = grid; i-- > 1;) std::swap(order[i], order[next_random() % (i + 1)]);
    std::vector<Block*> live;
    for (unsigned next = 0; !launch->failed && (next < grid || !live.empty());) {
        while (next < grid && live.size() < resident)
            live.push_back(start_block(order[next++], grid, size, shared));
        while (launch->waiting && !launch->failed) enter(take_ready());
        std::vector<Block*> still;
        for (Block* block : live)
            if (block->ended == size) end_block(block);
            else still.push_back(block);
        if (still.size() == live.size() && !launch->failed)
            for (Fiber& fiber : live[0]->fibers)
                if (fiber.state == MEETING)
                    note_failure(&fiber, "deadlock: lanes of its warp never come", fiber.warp->line);
        live = still;
    }
    for (Block* block : live) free_block(block);
    for (Block* block : launch->kept) free_block(block);
}

}  // namespace

extern "C" {

void emu_touch(unsigned loaded, unsigned added) {
    emu_options->loaded += loaded;
    emu_options->added += added;
    if (!emu_options->seed || next_random() % 16) return;
    make_ready(running);
    leave(running);
}

void* emu_shared_memory(int line) {
    if (!running->block->shared_bytes) fail("shared memory, but the launch gave shared_mem=0", line);
    return running->block->shared;
}

uint64_t emu_meet(Meeting kind, unsigned mask, uint64_t value, int lane_mask, int line) {
    Fiber* fiber = running;
    Warp& warp = *fiber->warp;
    if (mask != ALL_LANES) fail("only whole warps meet here: the mask must name every lane", line);
    fiber->kind = kind;
    fiber->value = value;
    fiber->lane_mask = lane_mask;
    if (warp.lanes < WARP) fail("the warp is not full: block sizes are multiples of 32", line);
    if (warp.ended) fail("a lane of the warp has ended", line);
    if (warp.arrived && warp.line != line)
        fail("lanes of one warp meet in different operations", line);
    warp.line = line;
    // Of the meetings only __syncwarp orders memory accesses of the lanes.
    if (kind == SYNC) __tsan_release(&warp);
    fiber->state = MEETING;
    if (++warp.arrived < WARP) {
        leave(fiber);
    } else {
        fiber->state = READY;
        finish_meeting(warp);
    }
    if (kind == SYNC) __tsan_acquire(&warp);
    return fiber->result;
}

int emu_launch(void (*entry)(void**), void** arguments, unsigned grid, unsigned block, size_t shared,
               Options* options, char* error, size_t error_size) {
    Launch current{entry, arguments};
    launch = &current;
    emu_options = options;
    current.ready.resize((size_t)options->resident * block + 1);
    current.random = 0x9E3779B97F4A7C15ull * (options->seed + 1);
    current.tsan = __tsan_get_current_fiber();
    const unsigned rounding = _mm_getcsr();
    if (options->flush_denormals) _mm_setcsr(rounding | 0x8040);
    run_blocks(grid, block, shared);
    _mm_setcsr(rounding);
    if (current.failed) snprintf(error, error_size, "%s", current.error);
    return current.failed;
}

}  // extern "C"
