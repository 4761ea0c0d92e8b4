/*
 * program.c: where the running program lies, and what its functions are called.
 *
 * For people who read a profile: nothing is decided by it. The symbol table is that of the file, so that static
 * functions have names too; it is mapped while it is looked at.
 */
#include "runtime/prim/prim.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));

/* Written by prim_program_keep, before there is a second thread; only read from then on. */
static struct {
	bool kept;
	int mapping_error, symbols_error; /* 0: it is there */
	struct prim_mapping mapping;
	struct prim_symbols symbols;
} program;

uint64_t prim_program_start(void)
{
	return (uintptr_t)__ehdr_start;
}

/* `start-limit perms offset device inode   file` */
static bool program_line(const char *line, struct prim_mapping *ret)
{
	unsigned long long start, limit, offset;
	char perms[5], file[sizeof(ret->file)];

	if (sscanf(line, "%llx-%llx %4s %llx %*s %*s %511[^\n]", &start, &limit, perms, &offset,
		   file) != 5)
		return false;
	if (perms[2] != 'x' || (uintptr_t)etext <= start || (uintptr_t)etext > limit)
		return false;
	*ret = (struct prim_mapping){.start = start, .limit = limit, .offset = offset};
	memcpy(ret->file, file, sizeof(file));
	return true;
}

static int program_read_mapping(struct prim_mapping *ret)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[1024];
	int r = -ENOENT;

	if (maps == NULL)
		return -errno;
	while (r < 0 && fgets(line, sizeof(line), maps) != NULL)
		if (program_line(line, ret))
			r = 0;
	fclose(maps);
	return r;
}

int prim_program_mapping(struct prim_mapping *ret)
{
	if (!program.kept)
		return program_read_mapping(ret);
	if (program.mapping_error == 0)
		*ret = program.mapping;
	return program.mapping_error;
}

/* -------------------------------------------------------------------- symbols */

/* What lies at [offset, offset + bytes) of the file; NULL: it is not there, or crooked. */
static const void *program_at(const struct prim_symbols *s, uint64_t offset, uint64_t bytes)
{
	return offset <= s->bytes && bytes <= s->bytes - offset && offset % 8 == 0
		       ? s->file + offset
		       : NULL;
}

/* The address that the first byte of the file was linked at. */
static uint64_t program_link_start(const struct prim_symbols *s, const Elf64_Ehdr *head)
{
	const Elf64_Phdr *ph = program_at(s, head->e_phoff, head->e_phnum * sizeof(*ph));

	for (uint32_t i = 0; ph != NULL && i < head->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && ph[i].p_offset == 0)
			return ph[i].p_vaddr;
	return 0;
}

static int program_find_symbols(struct prim_symbols *s)
{
	const Elf64_Ehdr *head = program_at(s, 0, sizeof(*head));
	const Elf64_Shdr *sh, *names;

	if (head == NULL || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
	    head->e_ident[EI_CLASS] != ELFCLASS64)
		return -ENOEXEC;
	s->link_start = program_link_start(s, head);
	sh = program_at(s, head->e_shoff, head->e_shnum * sizeof(*sh));
	for (uint32_t i = 0; sh != NULL && i < head->e_shnum; i++) {
		if (sh[i].sh_type != SHT_SYMTAB || sh[i].sh_link >= head->e_shnum)
			continue;
		names = &sh[sh[i].sh_link];
		s->table = program_at(s, sh[i].sh_offset, sh[i].sh_size);
		s->count = sh[i].sh_size / sizeof(Elf64_Sym);
		s->names_bytes = names->sh_size;
		if (names->sh_offset > s->bytes || names->sh_size > s->bytes - names->sh_offset)
			return -ENOEXEC;
		s->names = s->file + names->sh_offset;
		return s->table != NULL && s->names_bytes > 0 &&
				       s->names[s->names_bytes - 1] == '\0'
			       ? 0
			       : -ENOEXEC;
	}
	return -ENOENT;
}

static int program_map(int fd, struct prim_symbols *s)
{
	struct stat st;
	void *file;

	if (fstat(fd, &st) < 0)
		return -errno;
	file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (file == MAP_FAILED)
		return -errno;
	*s = (struct prim_symbols){.file = file, .bytes = (size_t)st.st_size};
	return 0;
}

static int program_read_symbols(struct prim_symbols *ret)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = program_map(fd, ret);
	close(fd);
	if (r < 0)
		return r;
	r = program_find_symbols(ret);
	if (r < 0)
		munmap((void *)(uintptr_t)ret->file, ret->bytes);
	return r;
}

void prim_program_keep(void)
{
	if (program.kept)
		return;
	program.mapping_error = program_read_mapping(&program.mapping);
	program.symbols_error = program_read_symbols(&program.symbols);
	program.kept = true;
}

int prim_symbols_open(struct prim_symbols *ret)
{
	if (!program.kept)
		return program_read_symbols(ret);
	if (program.symbols_error == 0)
		*ret = program.symbols;
	return program.symbols_error;
}

void prim_symbols_close(struct prim_symbols *s)
{
	if (s->file == program.symbols.file)
		return; /* kept */
	munmap((void *)(uintptr_t)s->file, s->bytes);
}

const char *prim_symbols_name(const struct prim_symbols *s, uint32_t pc)
{
	uint64_t addr = s->link_start + pc;
	const Elf64_Sym *symbol = s->table;

	for (size_t i = 0; i < s->count; i++)
		if (ELF64_ST_TYPE(symbol[i].st_info) == STT_FUNC && symbol[i].st_name < s->names_bytes &&
		    addr >= symbol[i].st_value && addr - symbol[i].st_value < symbol[i].st_size)
			return s->names + symbol[i].st_name;
	return NULL;
}
