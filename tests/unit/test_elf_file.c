/* SPDX-License-Identifier: BSD-3-Clause */
/* test_elf_file.c - what is read of libraries and programs, real ones and damaged ones. */
#include "tests/unit/unit.h"

#include <elf.h>
#include <errno.h>

#include "launcher/mpi/elf_file.h"
#include "tests/unit/compile.h"

#define LIBRARY                                                                    \
	"#include <unistd.h>\n"                                                    \
	"const char version_text[] = \"Example 1.2\";\n"                           \
	"const char long_text[] = \"" LONG "\";\n"                                 \
	"char no_text[64];\n"                                                      \
	"__attribute__((visibility(\"hidden\"))) int hidden(void) { return 1; }\n" \
	"static int local(void) { return hidden(); }\n"                            \
	"extern int maybe(void) __attribute__((weak));\n"                          \
	"int plain(void) { return local() + (maybe ? maybe() : 0); }\n"            \
	"__attribute__((weak)) int soft(void) { return getpid(); }\n"

#define TENS(text) text text text text text text text text text text
#define LONG       TENS(TENS("0123456789"))

#define VERSIONED                                     \
	"int old_f(void) { return 1; }\n"             \
	"int new_f(void) { return 2; }\n"             \
	"__asm__(\".symver old_f, f@EXAMPLE_1\");\n"  \
	"__asm__(\".symver new_f, f@@EXAMPLE_2\");\n" \
	"int g(void) { return 3; }\n"

static struct elf_file elf;
static struct error err;

static int read_it(const char *path, enum elf_part part)
{
	cleanup_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	assert_true(fd >= 0);
	elf_file_done(&elf);
	err = (struct error)ERROR_INIT;
	return elf_file_read(&elf, fd, part, &err);
}

static void refused(const char *path, const char *cause)
{
	assert_int_equal(read_it(path, ELF_SYMBOLS), -1);
	assert_int_equal(err.errnum, ENOEXEC);
	assert_cause(&err, cause);
	assert_null(elf.needed);
	assert_null(elf.strings);
}

static char *bytes_of(const char *path, size_t *len)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *bytes = fd_read_all(fd, 1 << 24, len);

	assert_non_null(bytes);
	return bytes;
}

static const struct elf_symbol *find(const struct elf_symbols *symbols, const char *name)
{
	for (size_t i = 0; i < symbols->count; i++)
		if (strcmp(symbols->items[i].name, name) == 0)
			return &symbols->items[i];
	return NULL;
}

static bool needs(const char *library)
{
	for (size_t i = 0; i < elf.need_count; i++)
		if (strcmp(elf.needs[i].library, library) == 0)
			return strncmp(elf.needs[i].version, "GLIBC_", 6) == 0;
	return false;
}

static int setup(void **state)
{
	if (tree_setup(state) < 0)
		return -1;
	compile(LIBRARY, "-shared -o plain.so -Wl,-soname,libplain.so.3 -Wl,--enable-new-dtags "
			 "-Wl,-rpath,'$ORIGIN/../lib:/opt/lib' -Wl,--hash-style=gnu");
	put("versions", "EXAMPLE_1 { f; }; EXAMPLE_2 { global: f; g; local: *; } EXAMPLE_1;\n");
	compile(VERSIONED, "-shared -o versioned.so -Wl,--version-script,versions");
	compile("extern int g(void); int main(void) { return g(); }",
		"-o program versioned.so -pie -Wl,--disable-new-dtags -Wl,-rpath,/opt/old");
	compile("void _start(void) { for (;;) ; }", "-nostdlib -static -no-pie -o static");
	return 0;
}

static int teardown(void **state)
{
	elf_file_done(&elf);
	return tree_teardown(state);
}

static void head_of_a_library(void **state)
{
	(void)state;
	assert_int_equal(read_it("plain.so", ELF_HEAD), 0);
	assert_string_equal(elf.soname, "libplain.so.3");
	assert_string_equal(elf.runpath, "$ORIGIN/../lib:/opt/lib");
	assert_null(elf.rpath);
	assert_string_equal(elf.needed[0], "libc.so.6");
	assert_null(elf.needed[1]);
	assert_true(needs("libc.so.6"));
	assert_null(elf.versions[0]);
	assert_int_equal(elf.exports.count + elf.imports.count, 0);
	assert_int_equal(elf.class, sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32);
	assert_int_not_equal(elf.machine, EM_NONE);
}

static void head_of_a_program(void **state)
{
	(void)state;
	assert_int_equal(read_it("program", ELF_HEAD), 0);
	assert_null(elf.soname);
	assert_null(elf.runpath);
	assert_string_equal(elf.rpath, "/opt/old");
	assert_string_equal(elf.needed[0], "versioned.so");
	assert_string_equal(elf.needs[0].library, "versioned.so");
	assert_string_equal(elf.needs[0].version, "EXAMPLE_2");
	assert_false(elf.needs[0].is_weak);
}

static void static_program(void **state)
{
	(void)state;
	assert_int_equal(read_it("static", ELF_SYMBOLS), 0);
	assert_null(elf.needed[0]);
	assert_null(elf.versions[0]);
	assert_int_equal(elf.need_count + elf.exports.count + elf.imports.count, 0);
}

static void versions_that_it_defines(void **state)
{
	(void)state;
	assert_int_equal(read_it("versioned.so", ELF_HEAD), 0);
	assert_string_equal(elf.versions[0], "EXAMPLE_1");
	assert_string_equal(elf.versions[1], "EXAMPLE_2");
	assert_null(elf.versions[2]);
}

static void symbols_of_a_library(void **state)
{
	(void)state;
	assert_int_equal(read_it("plain.so", ELF_SYMBOLS), 0);
	assert_non_null(find(&elf.exports, "plain"));
	assert_string_equal(find(&elf.exports, "plain")->version, "");
	assert_non_null(find(&elf.exports, "soft"));
	assert_false(find(&elf.exports, "soft")->is_weak);
	assert_null(find(&elf.exports, "hidden"));
	assert_null(find(&elf.exports, "local"));
	assert_null(find(&elf.exports, "getpid"));
	assert_true(find(&elf.imports, "maybe")->is_weak);
	assert_false(find(&elf.imports, "getpid")->is_weak);
	assert_string_equal(find(&elf.imports, "maybe")->version, "");
	assert_int_equal(strncmp(find(&elf.imports, "getpid")->version, "GLIBC_", 6), 0);
	assert_null(find(&elf.imports, "plain"));
	for (size_t i = 1; i < elf.exports.count; i++)
		assert_true(strcmp(elf.exports.items[i - 1].name, elf.exports.items[i].name) < 0);
}

static void symbols_of_a_program(void **state)
{
	(void)state;
	assert_int_equal(read_it("program", ELF_SYMBOLS), 0);
	assert_string_equal(find(&elf.imports, "g")->version, "EXAMPLE_2");
	assert_null(find(&elf.exports, "g"));
}

/* As ld.so has it. */
static void versions_of_symbols(void **state)
{
	const struct elf_symbols *exports = &elf.exports;

	(void)state;
	assert_int_equal(read_it("versioned.so", ELF_SYMBOLS), 0);
	assert_true(elf_symbols_have(exports, "f", "EXAMPLE_1"));
	assert_true(elf_symbols_have(exports, "f", "EXAMPLE_2"));
	assert_true(elf_symbols_have(exports, "f", ""));
	assert_false(elf_symbols_have(exports, "f", "EXAMPLE_3"));
	assert_true(elf_symbols_have(exports, "g", "EXAMPLE_2"));
	assert_false(elf_symbols_have(exports, "g", "EXAMPLE_1"));
	assert_false(elf_symbols_have(exports, "old_f", ""));
	assert_false(elf_symbols_have(exports, "h", ""));
	assert_false(elf_symbols_have(exports, "", ""));
	assert_false(elf_symbols_have(exports, "zzz", "EXAMPLE_1"));
	assert_false(elf_symbols_have(&elf.imports, "f", ""));

	assert_int_equal(read_it("plain.so", ELF_SYMBOLS), 0);
	assert_true(elf_symbols_have(exports, "plain", "EXAMPLE_1"));
}

static void texts(void **state)
{
	cleanup_close int fd = open("plain.so", O_RDONLY | O_CLOEXEC);
	cleanup_free char *text = elf_file_text(fd, "version_text");
	cleanup_free char *empty = elf_file_text(fd, "no_text");
	cleanup_free char *cut = elf_file_text(fd, "long_text");
	cleanup_close int other = open("source.c", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_string_equal(text, "Example 1.2");
	/* It is not in the file. */
	assert_null(empty);
	assert_int_equal(strlen(cut), 255);
	assert_null(elf_file_text(fd, "version"));
	assert_null(elf_file_text(fd, "getpid"));
	assert_null(elf_file_text(other, "version_text"));
}

static void what_is_no_library(void **state)
{
	cleanup_free char *bytes = NULL;
	size_t len;

	(void)state;
	refused("source.c", "not an ELF file");
	put("empty", "");
	refused("empty", "not an ELF file");
	refused(".", "not a regular file");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	refused("fifo", "not a regular file");
	compile("int f;", "-c -o object.o");
	refused("object.o", "neither a program nor a shared library");

	bytes = bytes_of("plain.so", &len);
	bytes[EI_DATA] = bytes[EI_DATA] == ELFDATA2LSB ? ELFDATA2MSB : ELFDATA2LSB;
	put_bytes("other", bytes, len);
	refused("other", "an ELF file of another byte order");
}

/* Each of them ends well or with a reason. */
static void check_damaged(const char *bytes, size_t len)
{
	put_bytes("damaged", bytes, len);
	if (read_it("damaged", ELF_SYMBOLS) == 0)
		return;
	assert_int_equal(err.errnum, ENOEXEC);
	assert_true(err.cause[0] != '\0');
}

static void truncated_anywhere(void **state)
{
	cleanup_free char *bytes = NULL;
	size_t len;

	(void)state;
	bytes = bytes_of("versioned.so", &len);
	for (size_t cut = 0; cut < len; cut += cut < 1024 ? 1 : 97)
		check_damaged(bytes, cut);
	put_bytes("cut", bytes, len / 2);
	refused("cut", "damaged ELF file: its dynamic segment");
}

static void damaged_anywhere(void **state)
{
	cleanup_free char *bytes = NULL;
	size_t len;

	(void)state;
	bytes = bytes_of("versioned.so", &len);
	for (size_t i = 0; i < len; i += i < 2048 ? 1 : 61) {
		char kept = bytes[i];

		bytes[i] = (char)~kept;
		check_damaged(bytes, len);
		bytes[i] = kept;
	}
}

static void put_ident(unsigned char *ident, unsigned char class)
{
	const uint16_t one = 1;

	ident[EI_MAG0] = ELFMAG0;
	ident[EI_MAG1] = ELFMAG1;
	ident[EI_MAG2] = ELFMAG2;
	ident[EI_MAG3] = ELFMAG3;
	ident[EI_CLASS] = class;
	ident[EI_DATA] = *(const char *)&one ? ELFDATA2LSB : ELFDATA2MSB;
	ident[EI_VERSION] = EV_CURRENT;
}

/* A file that is made by hand: one segment with everything. */
struct made {
	Elf64_Ehdr head;
	Elf64_Phdr segments[2];
	Elf64_Dyn dynamic[6];
	Elf64_Shdr sections[2];
	Elf64_Verneed needs[64];
	Elf64_Vernaux versions[128];
	Elf64_Sym symbols[4096];
	char strings[1024 * 1024];
};

#define AT(member) offsetof(struct made, member)

static struct made *make(size_t versions_address)
{
	struct made *made = calloc(1, sizeof(*made));

	assert_non_null(made);
	put_ident(made->head.e_ident, ELFCLASS64);
	made->head.e_version = EV_CURRENT;
	made->head.e_type = ET_DYN;
	made->head.e_machine = EM_X86_64;
	made->head.e_ehsize = sizeof(made->head);
	made->head.e_phoff = AT(segments);
	made->head.e_phentsize = sizeof(Elf64_Phdr);
	made->head.e_phnum = 2;
	made->head.e_shoff = AT(sections);
	made->head.e_shentsize = sizeof(Elf64_Shdr);
	made->head.e_shnum = 2;
	made->segments[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_filesz = sizeof(*made) };
	made->segments[1] = (Elf64_Phdr){ .p_type = PT_DYNAMIC,
					  .p_offset = AT(dynamic),
					  .p_filesz = sizeof(made->dynamic) };
	made->dynamic[0] = (Elf64_Dyn){ .d_tag = DT_STRTAB, .d_un.d_ptr = AT(strings) };
	made->dynamic[1] = (Elf64_Dyn){ .d_tag = DT_STRSZ, .d_un.d_val = sizeof(made->strings) };
	made->dynamic[2] = (Elf64_Dyn){ .d_tag = DT_SYMTAB, .d_un.d_ptr = AT(symbols) };
	if (versions_address)
		made->dynamic[3] =
			(Elf64_Dyn){ .d_tag = DT_VERNEED, .d_un.d_ptr = versions_address };
	made->sections[1] = (Elf64_Shdr){ .sh_type = SHT_DYNSYM,
					  .sh_offset = AT(symbols),
					  .sh_size = sizeof(made->symbols) };
	return made;
}

static void names_that_overlap_are_bounded(void **state)
{
	cleanup_free struct made *made = make(0);

	(void)state;
	memset(made->strings, 'a', sizeof(made->strings) - 1);
	for (size_t i = 0; i < COUNT_OF(made->symbols); i++)
		made->symbols[i] = (Elf64_Sym){ .st_name = (uint32_t)i,
						.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
						.st_shndx = 1 };
	put_bytes("overlap", made, sizeof(*made));
	refused("overlap", "damaged ELF file: the names of its symbols");

	/* Two of them are fine, and two alike are one. */
	for (size_t i = 3; i < COUNT_OF(made->symbols); i++)
		made->symbols[i].st_name = 2;
	made->strings[2] = 'b';
	made->strings[3] = '\0';
	put_bytes("overlap", made, sizeof(*made));
	assert_int_equal(read_it("overlap", ELF_SYMBOLS), 0);
	assert_int_equal(elf.exports.count, 2);
	assert_string_equal(elf.exports.items[0].name, "ab");
	assert_string_equal(elf.exports.items[1].name, "b");
}

/* What the linker leaves out may be there all the same. */
static void what_others_cannot_see(void **state)
{
	static const struct {
		unsigned char binding, visibility;
		bool is_export;
	} cases[] = {
		{ STB_GLOBAL, STV_DEFAULT, true }, { STB_GLOBAL, STV_PROTECTED, true },
		{ STB_WEAK, STV_DEFAULT, true },   { STB_GNU_UNIQUE, STV_DEFAULT, true },
		{ STB_GLOBAL, STV_HIDDEN, false }, { STB_WEAK, STV_INTERNAL, false },
		{ STB_LOCAL, STV_DEFAULT, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		cleanup_free struct made *made = make(0);

		made->strings[0] = 'x';
		made->symbols[1] = (Elf64_Sym){
			.st_info = ELF64_ST_INFO(cases[i].binding, STT_FUNC),
			.st_other = cases[i].visibility,
			.st_shndx = 1,
		};
		put_bytes("seen", made, sizeof(*made));
		assert_int_equal(read_it("seen", ELF_SYMBOLS), 0);
		assert_int_equal(elf_symbols_have(&elf.exports, "x", ""), cases[i].is_export);
	}
}

static void versions_that_share_are_bounded(void **state)
{
	cleanup_free struct made *made = make(AT(needs));

	(void)state;
	for (size_t i = 0; i < COUNT_OF(made->needs); i++)
		made->needs[i] = (Elf64_Verneed){
			.vn_version = 1,
			.vn_cnt = COUNT_OF(made->versions),
			.vn_aux = (uint32_t)(AT(versions) - AT(needs) - i * sizeof(made->needs[0])),
			.vn_next = sizeof(made->needs[0]),
		};
	for (size_t i = 0; i < COUNT_OF(made->versions); i++)
		made->versions[i].vna_next = sizeof(made->versions[0]);
	put_bytes("shared", made, sizeof(*made));
	refused("shared", "damaged ELF file: the versions that it needs");

	made->needs[1].vn_next = 0;
	put_bytes("shared", made, sizeof(*made));
	assert_int_equal(read_it("shared", ELF_HEAD), 0);
	assert_int_equal(elf.need_count, 2 * COUNT_OF(made->versions));
}

static void sizes_are_bounded(void **state)
{
	cleanup_free struct made *made = make(0);

	(void)state;
	made->dynamic[1].d_un.d_val = UINT64_MAX;
	put_bytes("made", made, sizeof(*made));
	refused("made", "damaged ELF file: its strings");
	made->dynamic[1].d_un.d_val = sizeof(made->strings);

	made->segments[1].p_filesz = UINT64_MAX;
	put_bytes("made", made, sizeof(*made));
	refused("made", "damaged ELF file: its dynamic segment is too large");
	made->segments[1].p_filesz = sizeof(made->dynamic);

	made->sections[1].sh_size = UINT64_MAX;
	put_bytes("made", made, sizeof(*made));
	refused("made", "damaged ELF file: too many symbols");
	made->sections[1].sh_type = SHT_NOTE;
	put_bytes("made", made, sizeof(*made));
	refused("made", "damaged ELF file: no section says how many symbols it has");

	made->head.e_shnum = 0;
	put_bytes("made", made, sizeof(*made));
	refused("made", "damaged ELF file: too many sections");
	made->head.e_phnum = 513;
	made->head.e_shnum = 2;
	put_bytes("made", made, sizeof(*made));
	refused("made", "damaged ELF file: too many segments");
}

/* Sections are for linkers: a head is read without. */
static void no_sections(void **state)
{
	cleanup_free struct made *made = make(0);

	(void)state;
	memcpy(made->strings, "\0libx.so.1", 11);
	made->dynamic[3] = (Elf64_Dyn){ .d_tag = DT_NEEDED, .d_un.d_val = 1 };
	made->head.e_shnum = 0;
	made->head.e_shoff = 0;
	put_bytes("made", made, sizeof(*made));
	assert_int_equal(read_it("made", ELF_HEAD), 0);
	assert_string_equal(elf.needed[0], "libx.so.1");
	refused("made", "damaged ELF file: no section says how many symbols it has");
}

static void another_class_is_read_too(void **state)
{
	Elf32_Ehdr head = { .e_type = ET_DYN, .e_machine = EM_386, .e_version = EV_CURRENT };

	(void)state;
	put_ident(head.e_ident, ELFCLASS32);
	put_bytes("32", &head, sizeof(head));
	assert_int_equal(read_it("32", ELF_HEAD), 0);
	assert_int_equal(elf.class, ELFCLASS32);
	assert_int_equal(elf.machine, EM_386);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_of_a_library),
		cmocka_unit_test(head_of_a_program),
		cmocka_unit_test(static_program),
		cmocka_unit_test(versions_that_it_defines),
		cmocka_unit_test(symbols_of_a_library),
		cmocka_unit_test(symbols_of_a_program),
		cmocka_unit_test(versions_of_symbols),
		cmocka_unit_test(texts),
		cmocka_unit_test(what_is_no_library),
		cmocka_unit_test(truncated_anywhere),
		cmocka_unit_test(damaged_anywhere),
		cmocka_unit_test(names_that_overlap_are_bounded),
		cmocka_unit_test(what_others_cannot_see),
		cmocka_unit_test(versions_that_share_are_bounded),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(no_sections),
		cmocka_unit_test(another_class_is_read_too),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
