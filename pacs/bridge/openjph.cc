#include "pacs/bridge/openjph.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>
#include <stdexcept>
#include <vector>

#include <ojph_arch.h>
#include <ojph_codestream.h>
#include <ojph_file.h>
#include <ojph_mem.h>
#include <ojph_message.h>
#include <ojph_params.h>

namespace
{

/* ---- What OpenJPH has to say ---- */

/* OpenJPH 0.9 prints an error, then throws without its words; its hooks to put another handler in that place are empty.
 * So it prints into a stream of ours, which hands each thread the words that it printed. */
thread_local char words[200];
thread_local size_t words_size;

ssize_t keep_words(void *cookie, const char *text, size_t size)
{
    const size_t count = std::min(size, sizeof words - 1 - words_size);

    (void)cookie;
    memcpy(words + words_size, text, count);
    words_size += count;
    words[words_size] = '\0';
    return static_cast<ssize_t>(size);
}

ssize_t drop_words(void *cookie, const char *text, size_t size)
{
    (void)cookie, (void)text;
    return static_cast<ssize_t>(size);
}

/* Without a buffer, so that every word is written by the thread that prints it. */
FILE *open_words(cookie_write_function_t *write)
{
    FILE *stream = fopencookie(nullptr, "w", {nullptr, write, nullptr, nullptr});

    if (!stream)
        throw std::bad_alloc();
    setvbuf(stream, nullptr, _IONBF, 0);
    return stream;
}

/* The streams are OpenJPH's globals; C++ lets the first thread set them. */
void route_messages()
{
    static const bool done = [] {
        static FILE *errors = open_words(keep_words);
        static FILE *others = open_words(drop_words);
        ojph::set_error_stream(errors);
        ojph::set_warning_stream(others);
        ojph::set_info_stream(others);
        return true;
    }();
    (void)done;
    words_size = 0;
    words[0] = '\0';
}

/* Of "ojph error 0x000300A1 at ojph_codestream.cpp:4067: Wrong codeblock length." the last part, or what was thrown. */
const char *last_words(const char *thrown)
{
    char *text = strstr(words, ": ");

    words[strcspn(words, "\r\n")] = '\0';
    return text && text[2] != '\0' ? text + 2 : thrown;
}

/* Nothing thrown leaves this file. OpenJPH throws text, too. */
template <typename Body> PacsStatus guarded(PacsError *err, Body body) noexcept
{
    try {
        route_messages();
        return body();
    } catch (const std::bad_alloc &) {
        return pacs_fail(err, PACS_NO_MEMORY, "no memory in OpenJPH");
    } catch (const std::exception &exception) {
        return pacs_fail(err, PACS_INVALID, "HTJ2K: %s", last_words(exception.what()));
    } catch (const char *text) {
        return pacs_fail(err, PACS_NO_MEMORY, "OpenJPH: %s", text);
    } catch (...) {
        return pacs_fail(err, PACS_INTERNAL, "OpenJPH threw something");
    }
}

/* ---- Files in memory ---- */

class BufferFile : public ojph::outfile_base
{
  public:
    explicit BufferFile(PacsBuffer *buffer) : out(buffer), start(buffer->size)
    {
    }
    size_t write(const void *bytes, size_t size) override
    {
        return pacs_buffer_add(out, bytes, size) ? size : 0;
    }
    ojph::si64 tell() override
    {
        return static_cast<ojph::si64>(out->size - start);
    }

  private:
    PacsBuffer *out;
    size_t start;
};

class MemoryFile : public ojph::infile_base
{
  public:
    MemoryFile(const uint8_t *content, size_t length) : bytes(content), size(static_cast<ojph::si64>(length))
    {
    }
    size_t read(void *to, size_t wanted) override
    {
        const auto count = std::min(wanted, static_cast<size_t>(size - at));

        memcpy(to, bytes + at, count);
        at += static_cast<ojph::si64>(count);
        is_at_end = count < wanted;
        return count;
    }
    int seek(ojph::si64 offset, enum seek origin) override
    {
        const ojph::si64 from = origin == OJPH_SEEK_SET ? 0 : origin == OJPH_SEEK_CUR ? at : size;

        if (offset < -from || offset > size - from)
            return -1;
        at = from + offset;
        is_at_end = false;
        return 0;
    }
    ojph::si64 tell() override
    {
        return at;
    }
    bool eof() override
    {
        return is_at_end;
    }

  private:
    const uint8_t *bytes;
    ojph::si64 size;
    ojph::si64 at = 0;
    bool is_at_end = false;
};

/* ---- Codestreams ---- */

void set_up(ojph::codestream &codestream, const PacsHtj2kImage &image, const PacsHtj2kCoding &coding)
{
    ojph::param_siz siz = codestream.access_siz();
    siz.set_image_extent(ojph::point(image.columns, image.rows));
    siz.set_num_components(image.components);
    for (uint32_t i = 0; i < image.components; i++)
        siz.set_component(i, ojph::point(1, 1), image.precision, image.is_signed);

    ojph::param_cod cod = codestream.access_cod();
    cod.set_num_decomposition(coding.decompositions);
    cod.set_block_dims(64, 64);
    cod.set_progression_order(coding.progression);
    cod.set_color_transform(coding.has_color_transform);
    cod.set_reversible(coding.is_reversible);
    if (!coding.is_reversible)
        codestream.access_qcd().set_irrev_quant(coding.quantization);
    codestream.set_planar(false);
}

PacsStatus encode(const PacsHtj2kImage &image, const PacsHtj2kCoding &coding, PacsBuffer *out, PacsError *err)
{
    BufferFile file(out);
    ojph::codestream codestream;
    ojph::ui32 component = 0;

    set_up(codestream, image, coding);
    codestream.write_headers(&file);
    ojph::line_buf *line = codestream.exchange(nullptr, component);
    for (uint32_t row = 0; row < image.rows; row++)
        for (uint32_t i = 0; i < image.components; i++) {
            coding.read_line(coding.context, component, row, line->i32);
            line = codestream.exchange(line, component);
        }
    codestream.flush();
    codestream.close();
    return pacs_buffer_check(out, err);
}

PacsStatus decode(const uint8_t *bytes, size_t size, PacsHtj2kWriteLine *write_line, void *context)
{
    MemoryFile file(bytes, size);
    ojph::codestream codestream;

    codestream.read_headers(&file);
    codestream.set_planar(false);
    codestream.create();

    ojph::param_siz siz = codestream.access_siz();
    std::vector<uint32_t> lines(siz.get_num_components());
    uint64_t left = 0;
    for (uint32_t i = 0; i < lines.size(); i++)
        left += siz.get_recon_height(i);
    for (; left > 0; left--) {
        ojph::ui32 component = 0;
        ojph::line_buf *line = codestream.pull(component);
        if (!line)
            throw std::runtime_error("the codestream ends before its last line");
        write_line(context, component, lines.at(component)++, line->i32, siz.get_recon_width(component));
    }
    codestream.close();
    return PACS_OK;
}

} // namespace

PacsStatus pacs_bridge_htj2k_encode(const PacsHtj2kImage *image, const PacsHtj2kCoding *coding,
                                    PacsBuffer *out, PacsError *err)
{
    return guarded(err, [&] { return encode(*image, *coding, out, err); });
}

PacsStatus pacs_bridge_htj2k_decode(const uint8_t *bytes, size_t size, PacsHtj2kWriteLine *write_line,
                                    void *context, PacsError *err)
{
    return guarded(err, [&] { return decode(bytes, size, write_line, context); });
}
