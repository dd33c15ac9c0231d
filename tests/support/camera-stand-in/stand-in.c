/* Cameras for one process, without a kernel driver: preloaded, it answers what a program asks of /dev/videoN.
 *
 * In C, because what it stands in for (open, ioctl, syscall) takes a variable number of arguments, which Rust cannot
 * define. The tests compile it with `cc`.
 *
 * CAMERA_STAND_IN names a folder. A file videoN in it is a camera that is plugged in; removing the file unplugs it. What
 * the file says holds from the next call on, line by line, each `key value`:
 *     name NAME             the card's name
 *     bus BUS               the bus info
 *     kind capture|metadata what its node is for
 *     format YUYV|MJPG|NV12|GREY
 *     size WIDTHxHEIGHT
 *     fps RATE
 *     padding BYTES         behind each row
 *     frames PATH           pictures: length (32 bits, little endian) and bytes, over and over
 *     state fine|stalled|busy|forbidden
 * While videoN streams, the folder holds lit/videoN, as a camera's light would tell.
 *
 * Kept from real drivers, because programs stumble over it: one streams at a time and all others are refused as busy; a
 * buffer that is queued twice is refused; a buffer keeps what an earlier, longer picture left in it; poll ends with an error
 * when the camera goes. /dev is listed from the folder, so nothing has to be made in the real one.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { HANDLES = 32, BUFFERS = 8, LONGEST_PATH = 512 };
enum kind { FINE, STALLED, BUSY, FORBIDDEN };

struct settings {
    char name[64], bus[64], frames[LONGEST_PATH];
    int metadata, state;
    unsigned format, width, height, fps, padding;
};

/* One open camera. */
struct handle {
    int fd, node, streaming, queued[BUFFERS], order[BUFFERS], waiting;
    unsigned buffers, sequence;
    size_t room;
    uint8_t *memory;
    double due;
    FILE *frames;
    char frames_path[LONGEST_PATH];
};

static struct handle handles[HANDLES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static long system_call(long number, long a, long b, long c, long d, long e, long f) {
    static long (*real)(long, ...);
    if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return real(number, a, b, c, d, e, f);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void rest(double seconds) {
    if (seconds <= 0) return;
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

static int node_of(const char *path) {
    int node = -1, read = 0;
    if (!path || !getenv("CAMERA_STAND_IN")) return -1;
    return sscanf(path, "/dev/video%d%n", &node, &read) == 1 && !path[read] ? node : -1;
}

static int read_settings(int node, struct settings *s) {
    char path[LONGEST_PATH], line[LONGEST_PATH + 32];
    snprintf(path, sizeof path, "%s/video%d", getenv("CAMERA_STAND_IN"), node);
    FILE *file = fopen(path, "re");
    if (!file) return -1;
    *s = (struct settings){.name = "Stand-in", .bus = "stand-in", .format = V4L2_PIX_FMT_YUYV, .width = 640, .height = 480, .fps = 30};
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        char *value = strchr(line, ' ');
        if (!value) continue;
        *value++ = 0;
        if (!strcmp(line, "name")) snprintf(s->name, sizeof s->name, "%s", value);
        else if (!strcmp(line, "bus")) snprintf(s->bus, sizeof s->bus, "%s", value);
        else if (!strcmp(line, "frames")) snprintf(s->frames, sizeof s->frames, "%s", value);
        else if (!strcmp(line, "kind")) s->metadata = !strcmp(value, "metadata");
        else if (!strcmp(line, "format") && strlen(value) == 4) s->format = v4l2_fourcc(value[0], value[1], value[2], value[3]);
        else if (!strcmp(line, "size")) sscanf(value, "%ux%u", &s->width, &s->height);
        else if (!strcmp(line, "fps")) s->fps = (unsigned)atoi(value);
        else if (!strcmp(line, "padding")) s->padding = (unsigned)atoi(value);
        else if (!strcmp(line, "state"))
            s->state = !strcmp(value, "stalled") ? STALLED : !strcmp(value, "busy") ? BUSY : !strcmp(value, "forbidden") ? FORBIDDEN : FINE;
    }
    fclose(file);
    return 0;
}

static unsigned stride(const struct settings *s) {
    unsigned row = s->format == V4L2_PIX_FMT_YUYV ? s->width * 2 : s->width;
    return s->format == V4L2_PIX_FMT_MJPEG ? 0 : row + s->padding;
}

static unsigned picture_size(const struct settings *s) {
    if (s->format == V4L2_PIX_FMT_MJPEG) return s->width * s->height * 2;
    return stride(s) * (s->format == V4L2_PIX_FMT_NV12 ? s->height * 3 / 2 : s->height);
}

static struct handle *handle_of(int fd) {
    for (int i = 0; fd >= 0 && i < HANDLES; i++)
        if (handles[i].fd == fd + 1) return &handles[i];
    return NULL;
}

static struct handle *holder(int node) {
    for (int i = 0; i < HANDLES; i++)
        if (handles[i].fd && handles[i].node == node && handles[i].buffers) return &handles[i];
    return NULL;
}

static void light(int node, int on) {
    char path[LONGEST_PATH];
    snprintf(path, sizeof path, "%s/lit/video%d", getenv("CAMERA_STAND_IN"), node);
    if (on) {
        int fd = (int)system_call(SYS_openat, AT_FDCWD, (long)path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600, 0, 0);
        if (fd >= 0) system_call(SYS_close, fd, 0, 0, 0, 0, 0);
    } else {
        unlink(path);
    }
}

static int open_camera(int node) {
    struct settings s;
    if (read_settings(node, &s) < 0) return errno = ENOENT, -1;
    if (s.state == FORBIDDEN) return errno = EACCES, -1;
    for (int i = 0; i < HANDLES; i++) {
        struct handle *h = &handles[i];
        if (h->fd) continue;
        int fd = memfd_create("camera", MFD_CLOEXEC);
        if (fd < 0) return -1;
        *h = (struct handle){.fd = fd + 1, .node = node};
        return fd;
    }
    return errno = EMFILE, -1;
}

static void stop(struct handle *h) {
    if (h->streaming) light(h->node, 0);
    h->streaming = h->waiting = 0;
    memset(h->queued, 0, sizeof h->queued);
}

static void close_camera(struct handle *h) {
    stop(h);
    if (h->frames) fclose(h->frames);
    if (h->memory) munmap(h->memory, h->room * BUFFERS);
    memset(h, 0, sizeof *h);
}

static unsigned fill(struct handle *h, const struct settings *s, uint8_t *to) {
    if (strcmp(h->frames_path, s->frames)) {
        if (h->frames) fclose(h->frames);
        h->frames = fopen(s->frames, "re");
        snprintf(h->frames_path, sizeof h->frames_path, "%s", s->frames);
    }
    for (int again = 0; h->frames && again < 2; again++) {
        uint8_t head[4];
        if (fread(head, 1, 4, h->frames) == 4) {
            size_t length = head[0] | head[1] << 8 | head[2] << 16 | (size_t)head[3] << 24;
            if (length > h->room) length = h->room;
            return (unsigned)fread(to, 1, length, h->frames);
        }
        rewind(h->frames);
    }
    return 0;
}

static void describe(const struct settings *s, struct v4l2_format *f) {
    f->fmt.pix.width = s->width;
    f->fmt.pix.height = s->height;
    f->fmt.pix.pixelformat = s->format;
    f->fmt.pix.field = V4L2_FIELD_NONE;
    f->fmt.pix.bytesperline = stride(s);
    f->fmt.pix.sizeimage = picture_size(s);
    f->fmt.pix.colorspace = s->format == V4L2_PIX_FMT_MJPEG ? V4L2_COLORSPACE_JPEG : V4L2_COLORSPACE_SRGB;
}

static int request_buffers(struct handle *h, const struct settings *s, struct v4l2_requestbuffers *r) {
    struct handle *other = holder(h->node);
    if (h->streaming || s->state == BUSY || (other && other != h)) return errno = EBUSY, -1;
    if (r->memory != V4L2_MEMORY_MMAP) return errno = EINVAL, -1;
    if (r->count > BUFFERS) r->count = BUFFERS;
    if (r->count && !h->memory) {
        h->room = (picture_size(s) + 4095) & ~(size_t)4095;
        if (ftruncate(h->fd - 1, (off_t)(h->room * BUFFERS)) < 0) return -1;
        void *memory = mmap(NULL, h->room * BUFFERS, PROT_READ | PROT_WRITE, MAP_SHARED, h->fd - 1, 0);
        if (memory == MAP_FAILED) return -1;
        h->memory = memory;
    }
    h->buffers = r->count;
    h->waiting = 0;
    memset(h->queued, 0, sizeof h->queued);
    return 0;
}

static int give_picture(struct handle *h, const struct settings *s, struct v4l2_buffer *b) {
    unsigned index = (unsigned)h->order[0];
    memmove(h->order, h->order + 1, sizeof h->order - sizeof *h->order);
    h->waiting--;
    h->queued[index] = 0;
    double at = now();
    h->due = at - h->due > 1.0 ? at + 1.0 / s->fps : h->due + 1.0 / s->fps;
    b->index = index;
    b->bytesused = fill(h, s, h->memory + index * h->room);
    b->length = picture_size(s);
    b->m.offset = (unsigned)(index * h->room);
    b->sequence = h->sequence++;
    b->field = V4L2_FIELD_NONE;
    b->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    b->timestamp.tv_sec = (time_t)at;
    b->timestamp.tv_usec = (suseconds_t)((at - (double)(time_t)at) * 1e6);
    return 0;
}

static int answer(struct handle *h, unsigned request, void *argument) {
    struct settings s;
    if (read_settings(h->node, &s) < 0) return errno = ENODEV, -1;
    switch (request) {
    case (unsigned)VIDIOC_QUERYCAP: {
        struct v4l2_capability *q = argument;
        memset(q, 0, sizeof *q);
        snprintf((char *)q->driver, sizeof q->driver, "stand-in");
        snprintf((char *)q->card, sizeof q->card, "%.31s", s.name);
        snprintf((char *)q->bus_info, sizeof q->bus_info, "%.31s", s.bus);
        q->device_caps = (s.metadata ? V4L2_CAP_META_CAPTURE : V4L2_CAP_VIDEO_CAPTURE) | V4L2_CAP_STREAMING;
        q->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_META_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_DEVICE_CAPS;
        return 0;
    }
    case (unsigned)VIDIOC_ENUM_FMT: {
        struct v4l2_fmtdesc *f = argument;
        if (f->index || s.metadata) return errno = EINVAL, -1;
        f->pixelformat = s.format;
        f->flags = s.format == V4L2_PIX_FMT_MJPEG ? V4L2_FMT_FLAG_COMPRESSED : 0;
        snprintf((char *)f->description, sizeof f->description, "as asked");
        return 0;
    }
    case (unsigned)VIDIOC_ENUM_FRAMESIZES: {
        struct v4l2_frmsizeenum *f = argument;
        if (f->index || f->pixel_format != s.format) return errno = EINVAL, -1;
        f->type = V4L2_FRMSIZE_TYPE_DISCRETE;
        f->discrete.width = s.width;
        f->discrete.height = s.height;
        return 0;
    }
    case (unsigned)VIDIOC_ENUM_FRAMEINTERVALS: {
        struct v4l2_frmivalenum *f = argument;
        if (f->index || f->width != s.width || f->height != s.height) return errno = EINVAL, -1;
        f->type = V4L2_FRMIVAL_TYPE_DISCRETE;
        f->discrete.numerator = 1;
        f->discrete.denominator = s.fps;
        return 0;
    }
    case (unsigned)VIDIOC_S_FMT: {
        struct handle *other = holder(h->node);
        if (other || s.state == BUSY) return errno = EBUSY, -1;
        describe(&s, argument);
        return 0;
    }
    case (unsigned)VIDIOC_G_FMT:
    case (unsigned)VIDIOC_TRY_FMT:
        describe(&s, argument);
        return 0;
    case (unsigned)VIDIOC_G_PARM:
    case (unsigned)VIDIOC_S_PARM: {
        struct v4l2_streamparm *p = argument;
        p->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        p->parm.capture.timeperframe.numerator = 1;
        p->parm.capture.timeperframe.denominator = s.fps;
        return 0;
    }
    case (unsigned)VIDIOC_REQBUFS:
        return request_buffers(h, &s, argument);
    case (unsigned)VIDIOC_QUERYBUF: {
        struct v4l2_buffer *b = argument;
        if (b->index >= h->buffers) return errno = EINVAL, -1;
        b->length = picture_size(&s);
        b->m.offset = (unsigned)(b->index * h->room);
        return 0;
    }
    case (unsigned)VIDIOC_QBUF: {
        struct v4l2_buffer *b = argument;
        if (b->index >= h->buffers || h->queued[b->index]) return errno = EINVAL, -1;
        h->queued[b->index] = 1;
        h->order[h->waiting++] = (int)b->index;
        return 0;
    }
    case (unsigned)VIDIOC_STREAMON:
        if (!h->buffers) return errno = EINVAL, -1;
        h->streaming = 1;
        h->due = now() + 1.0 / s.fps;
        light(h->node, 1);
        return 0;
    case (unsigned)VIDIOC_STREAMOFF:
        stop(h);
        return 0;
    case (unsigned)VIDIOC_DQBUF:
        if (!h->streaming || !h->waiting) return errno = EINVAL, -1;
        return give_picture(h, &s, argument);
    default:
        return errno = ENOTTY, -1;
    }
}

/* 1: a picture can be taken; -1: never again; 0: not yet. */
static int is_ready(struct handle *h) {
    struct settings s;
    if (read_settings(h->node, &s) < 0 || !h->streaming) return -1;
    return s.state != STALLED && h->waiting && now() >= h->due;
}

static int locked_answer(int fd, unsigned request, void *argument, int *result) {
    for (;;) {
        pthread_mutex_lock(&lock);
        struct handle *h = handle_of(fd);
        int ready = h && request == (unsigned)VIDIOC_DQBUF ? is_ready(h) : 1;
        if (!h || ready) {
            if (h) *result = answer(h, request, argument);
            int error = errno;
            pthread_mutex_unlock(&lock);
            errno = error;
            return h != NULL;
        }
        pthread_mutex_unlock(&lock);
        rest(0.002);
    }
}

int poll(struct pollfd *fds, nfds_t count, int timeout) {
    double until = now() + timeout / 1000.0;
    for (;;) {
        pthread_mutex_lock(&lock);
        struct handle *h = count == 1 ? handle_of(fds->fd) : NULL;
        int ready = h ? is_ready(h) : 0;
        pthread_mutex_unlock(&lock);
        if (!h) {
            static int (*real)(struct pollfd *, nfds_t, int);
            if (!real) real = (int (*)(struct pollfd *, nfds_t, int))dlsym(RTLD_NEXT, "poll");
            return real(fds, count, timeout);
        }
        fds->revents = ready < 0 ? POLLERR : ready ? POLLIN : 0;
        if (ready) return 1;
        if (timeout >= 0 && now() >= until) return 0;
        rest(0.002);
    }
}

static int open_any(const char *path, int flags, int mode) {
    int node = node_of(path);
    if (node < 0) return (int)system_call(SYS_openat, AT_FDCWD, (long)path, flags, mode, 0, 0);
    pthread_mutex_lock(&lock);
    int fd = open_camera(node);
    pthread_mutex_unlock(&lock);
    return fd;
}

int open(const char *path, int flags, ...) {
    va_list rest_of;
    va_start(rest_of, flags);
    int mode = va_arg(rest_of, int);
    va_end(rest_of);
    return open_any(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest_of;
    va_start(rest_of, flags);
    int mode = va_arg(rest_of, int);
    va_end(rest_of);
    return open_any(path, flags | O_LARGEFILE, mode);
}

int close(int fd) {
    pthread_mutex_lock(&lock);
    struct handle *h = handle_of(fd);
    if (h) close_camera(h);
    pthread_mutex_unlock(&lock);
    return (int)system_call(SYS_close, fd, 0, 0, 0, 0, 0);
}

int ioctl(int fd, unsigned long request, ...) {
    va_list rest_of;
    va_start(rest_of, request);
    void *argument = va_arg(rest_of, void *);
    va_end(rest_of);
    int result;
    if (locked_answer(fd, (unsigned)request, argument, &result)) return result;
    return (int)system_call(SYS_ioctl, fd, (long)request, (long)argument, 0, 0, 0);
}

long syscall(long number, ...) {
    va_list rest_of;
    va_start(rest_of, number);
    long a[6];
    for (int i = 0; i < 6; i++) a[i] = va_arg(rest_of, long);
    va_end(rest_of);
    int result;
    if (number == SYS_ioctl && locked_answer((int)a[0], (unsigned)a[1], (void *)a[2], &result)) return result;
    return system_call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

DIR *opendir(const char *path) {
    static DIR *(*real)(const char *);
    if (!real) real = (DIR * (*)(const char *))dlsym(RTLD_NEXT, "opendir");
    const char *folder = getenv("CAMERA_STAND_IN");
    return real(folder && !strcmp(path, "/dev") ? folder : path);
}
