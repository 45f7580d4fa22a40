/*
 * Data for the benchmarks: the same bytes for the same seed on every machine.
 *
 *   bench-data noise SEED SIZE             does not compress
 *   bench-data json  SEED SIZE             one array of film records, one a line
 *   bench-data csv   SEED SIZE             flights, ordered by date
 *   bench-data vary  SEED SIZE FILE...     real JSON and CSV files over and over, no
 *                                          two copies alike (see vary())
 *   bench-data many  SEED COUNT SIZE DIR   COUNT files of JSON of about SIZE bytes
 *   bench-data fp32  SEED SIZE EPOCH       weights of a model (see weights())
 *   bench-data bf16  SEED SIZE EPOCH
 *   bench-data columns SEED SIZE VERSION   a table kept by columns (see columns())
 *
 * All but `many` write to standard output. SIZE is exact for noise, and for the last
 * three but for the header; the others end with the first whole record, or file for
 * `vary`, past it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
	"Aug", "Sep", "Oct", "Nov", "Dec" };
static const char *const ratings[] = { "R", "PG-13", "PG", "Not Rated", "G", "NC-17" };
static const char *const genres[] = { "Drama", "Comedy", "Action", "Adventure",
	"Thriller/Suspense", "Horror", "Romantic Comedy", "Musical", "Documentary",
	"Black Comedy", "Western", "Concert/Performance" };
static const char *const sources[] = { "Original Screenplay",
	"Based on Book/Short Story", "Based on Real Life Events", "Remake",
	"Based on TV", "Based on Comic/Graphic Novel", "Based on Play",
	"Based on Game", "Traditional/Legend/Fairytale" };
static const char *const types[] = { "Contemporary Fiction", "Historical Fiction",
	"Fantasy", "Science Fiction", "Dramatization", "Kids Fiction", "Factual",
	"Super Hero", "Multiple Creative Types" };
static const char *const syllables[] = { "an", "bar", "ca", "den", "el", "far", "gi",
	"hal", "in", "jo", "kar", "li", "mon", "nor", "or", "pa", "qui", "ro", "sta",
	"ter", "ul", "ven", "wal", "ya", "zen", "bri", "cle", "dro", "fen", "gra",
	"ho", "ing", "ket", "lan", "mer", "no", "ost", "pel", "ri", "sen" };
static const char *const carriers[] = { "WN", "DL", "AA", "UA", "US", "NW", "CO", "MQ",
	"OO", "XE", "AS", "FL" };

enum { WORDS = 6000, PEOPLE = 4000, COMPANIES = 120, AIRPORTS = 280, ROUTES = 3000 };

static char words[WORDS][16];
static char people[PEOPLE][40];
static char companies[COMPANIES][40];
static char airports[AIRPORTS][4];
static struct route {
	const char *carrier, *from, *to;
	unsigned number, miles;
} routes[ROUTES];
static uint64_t rng_s[4];
static char *line;		/* the record being built */
static size_t line_len, line_room;

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define PICK(a) ((a)[skewed(COUNT(a))])

static void die(const char *what)
{
	fprintf(stderr, "bench-data: %s\n", what);
	exit(1);
}

/* xoshiro256**, seeded by splitmix64 */
static uint64_t rng(void)
{
	uint64_t *s = rng_s, t = s[1] << 17, r = s[1] * 5;

	r = ((r << 7) | (r >> 57)) * 9;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return r;
}

static void rng_seed(uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = (seed += 0x9e3779b97f4a7c15);

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
		rng_s[i] = z ^ (z >> 31);
	}
}

static double unit(void)
{
	return (double)(rng() >> 11) * 0x1p-53;
}

static size_t below(size_t n)
{
	return (size_t)(unit() * (double)n);
}

/* 0..n-1, small ones far more often, as words and names are in real data */
static size_t skewed(size_t n)
{
	double u = unit();

	return (size_t)(u * u * u * (double)n);
}

__attribute__((format(printf, 1, 2)))
static void add(const char *fmt, ...)
{
	va_list ap;
	int n;

	if (line_room - line_len < 1024) {
		line_room = line_room * 2 + 4096;
		line = realloc(line, line_room);
		if (!line)
			die("out of memory");
	}
	va_start(ap, fmt);
	n = vsnprintf(line + line_len, line_room - line_len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= line_room - line_len)
		die("record too long");
	line_len += (size_t)n;
}

static void emit(FILE *f, const char *data, size_t len)
{
	if (len && fwrite(data, len, 1, f) != 1)
		die("cannot write");
}

static size_t emit_line(FILE *f)
{
	size_t len = line_len;

	emit(f, line, len);
	line_len = 0;
	return len;
}

static void make_word(char *to, int capital)
{
	int n = 1 + (int)below(3);

	*to = 0;
	while (n--)
		strcat(to, syllables[below(COUNT(syllables))]);
	if (capital)
		*to = (char)(*to - 'a' + 'A');
}

static void make_vocabulary(void)
{
	char a[16], b[16];

	for (int i = 0; i < WORDS; i++)
		make_word(words[i], i % 3 == 0);
	for (int i = 0; i < PEOPLE; i++) {
		make_word(a, 1);
		make_word(b, 1);
		snprintf(people[i], sizeof(*people), "%s %s", a, b);
	}
	for (int i = 0; i < COMPANIES; i++) {
		make_word(a, 1);
		snprintf(companies[i], sizeof(*companies), "%s %s", a,
			 i % 2 ? "Pictures" : "Entertainment");
	}
	for (int i = 0; i < AIRPORTS; i++)
		for (int k = 0; k < 3; k++)
			airports[i][k] = (char)('A' + below(26));
	for (int i = 0; i < ROUTES; i++) {
		routes[i].carrier = PICK(carriers);
		routes[i].from = airports[skewed(AIRPORTS)];
		routes[i].to = airports[skewed(AIRPORTS)];
		routes[i].number = 1 + (unsigned)skewed(6000);
		routes[i].miles = 100 + (unsigned)below(2500);
	}
}

static void film(void)
{
	unsigned gross = (unsigned)(unit() * unit() * 2e8);
	size_t n = 1 + below(4);

	add("{\"Title\": \"");
	for (size_t i = 0; i < n; i++)
		add("%s%s", i ? " " : "", PICK(words));
	add("\", \"US Gross\": %u, \"Worldwide Gross\": %u, ", gross,
	    below(3) ? gross : gross + (unsigned)below(100000000));
	if (below(2))
		add("\"US DVD Sales\": null, ");
	else
		add("\"US DVD Sales\": %u, ", (unsigned)below(90000000));
	add("\"Production Budget\": %u00000, \"Release Date\": \"%s %02u %u\", ",
	    1 + (unsigned)skewed(1500), months[below(12)], 1 + (unsigned)below(28),
	    2010 - (unsigned)skewed(40));
	add("\"MPAA Rating\": \"%s\", \"Running Time min\": ", PICK(ratings));
	if (below(2))
		add("null, ");
	else
		add("%u, ", 80 + (unsigned)skewed(100));
	add("\"Distributor\": \"%s\", \"Source\": \"%s\", \"Major Genre\": \"%s\", ",
	    PICK(companies), PICK(sources), PICK(genres));
	add("\"Creative Type\": \"%s\", \"Director\": \"%s\", ", PICK(types), PICK(people));
	add("\"Rotten Tomatoes Rating\": %u, \"IMDB Rating\": %.1f, \"IMDB Votes\": %u}",
	    (unsigned)below(100), 2 + 7 * unit(), 100 + (unsigned)skewed(100000));
}

static void films(FILE *f, size_t size)
{
	size_t done = 0;

	add("[\n");
	film();
	while ((done += emit_line(f)) < size) {
		add(",\n");
		film();
	}
	add("\n]\n");
	emit_line(f);
}

static void flights(FILE *f, size_t size)
{
	size_t done = 0, row = 0;

	add("date,carrier,flight,tail,origin,destination,departure,dep_delay,arr_delay,"
	    "air_time,distance,cancelled\n");
	while ((done += emit_line(f)) < size) {
		const struct route *r = &routes[skewed(ROUTES)];
		unsigned day = (unsigned)(row / 5000);
		unsigned minute = 300 + 5 * (unsigned)(row++ % 5000 / 23);
		int delay = (int)(unit() * unit() * unit() * 180) - 10;

		add("%u-%02u-%02u,%s,%u,N%03u%s,%s,%s,%02u:%02u,", 1990 + day / 336,
		    1 + day / 28 % 12, 1 + day % 28, r->carrier, r->number,
		    100 + (unsigned)skewed(250), r->carrier, r->from, r->to,
		    minute / 60, minute % 60);
		add("%d,%d,%u,%u,%d\n", delay, delay + (int)below(15) - 7,
		    20 + r->miles / 8 + (unsigned)below(9), r->miles, below(50) == 0);
	}
}

static void noise(FILE *f, size_t size)
{
	static uint64_t block[8192];

	while (size) {
		size_t n = size < sizeof(block) ? size : sizeof(block);

		for (size_t i = 0; i < COUNT(block); i++)
			block[i] = rng();
		emit(f, (char *)block, n);
		size -= n;
	}
}

static void many(size_t count, size_t size, const char *dir)
{
	char path[4096];

	for (size_t i = 0; i < count; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/%03zu", dir, i / 200);
		if (i % 200 == 0 && mkdir(path, 0777) && errno != EEXIST)
			die("cannot make a directory");
		snprintf(path, sizeof(path), "%s/%03zu/part-%06zu.json", dir, i / 200, i);
		f = fopen(path, "w");
		if (!f)
			die("cannot create a file");
		films(f, size);
		if (fclose(f))
			die("cannot write");
	}
}

/* A real file, cut into records. */
struct source {
	char *data;
	size_t len;
	int is_csv;
	size_t (*rec)[2];	/* begin and end of each record */
	size_t n, room;
};

static void add_record(struct source *s, size_t begin, size_t end)
{
	if (s->n == s->room) {
		s->room = s->room * 2 + 1024;
		s->rec = realloc(s->rec, s->room * sizeof(*s->rec));
		if (!s->rec)
			die("out of memory");
	}
	s->rec[s->n][0] = begin;
	s->rec[s->n++][1] = end;
}

static void load(struct source *s, const char *path)
{
	size_t begin = 0, dot = strlen(path) < 4 ? 0 : strlen(path) - 4;
	int depth = 0, quoted = 0;
	struct stat st;
	FILE *f = fopen(path, "r");

	if (!f || fstat(fileno(f), &st))
		die("cannot open a source file");
	s->len = (size_t)st.st_size;
	s->data = malloc(s->len + 1);
	if (!s->data || (s->len && fread(s->data, s->len, 1, f) != 1))
		die("cannot read a source file");
	fclose(f);
	s->data[s->len] = 0;
	s->is_csv = !strcmp(path + dot, ".csv");
	for (size_t i = 0; i < s->len; i++) {
		char c = s->data[i];

		if (c == '\\' && quoted && !s->is_csv)
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (s->is_csv && c == '\n' && !quoted) {
			add_record(s, begin, i + 1);
			begin = i + 1;
		} else if (!s->is_csv && !quoted && (c == '{' || c == '[')) {
			if (++depth == 2)
				begin = i;
		} else if (!s->is_csv && !quoted && (c == '}' || c == ']')) {
			if (depth-- == 2)
				add_record(s, begin, i + 1);
		}
	}
	if (s->n < 3)
		die("a source file has too few records");
}

static int is_number(const char *p, size_t n)
{
	size_t digits = 0, dots = 0;

	for (size_t i = *p == '-'; i < n; i++) {
		if (p[i] >= '0' && p[i] <= '9')
			digits++;
		else if (p[i] != '.' || dots++)
			return 0;
	}
	return digits > 1;
}

/* Write one record; in one of four of its numbers of two or more digits the last differs. */
static void vary_record(FILE *f, const struct source *s, size_t r)
{
	const char *stop = s->is_csv ? ",\n\r" : ",:{}[] \t\n\r";
	const char *p = s->data + s->rec[r][0];
	const char *end = s->data + s->rec[r][1];

	while (p < end) {
		size_t n = 0, skip = 1;

		if (*p == '"') {
			while (p + skip < end && p[skip] != '"')
				skip += 1 + (p[skip] == '\\' && !s->is_csv);
			n = skip + (p + skip < end);
		} else {
			while (p + n < end && !strchr(stop, p[n]))
				n++;
		}
		if (n > (size_t)(end - p))
			n = (size_t)(end - p);
		if (n && *p != '"' && is_number(p, n) && below(4) == 0) {
			add("%.*s%c", (int)n - 1, p, '0' + (int)below(10));
			if (p[n - 1] == '.')
				line[line_len - 1] = '.';
			emit_line(f);
		} else {
			emit(f, p, n);
		}
		p += n;
		if (p < end && *p != '"')
			putc(*p++, f);
	}
}

/*
 * Copies of real files in which nothing repeats as a whole chunk: runs of 8 to 63
 * records in random order, so that neighbours stay as alike as they were, and some
 * numbers changed.
 */
static void vary(size_t size, int n_files, char **paths)
{
	struct source *sources_v = calloc((size_t)n_files, sizeof(*sources_v));
	size_t done = 0;

	if (!sources_v)
		die("out of memory");
	for (int i = 0; i < n_files; i++)
		load(&sources_v[i], paths[i]);
	for (int i = 0; done < size; i = (i + 1) % n_files) {
		struct source *s = &sources_v[i];
		size_t first = s->is_csv, left = s->n - first;

		emit(stdout, s->data, s->rec[first][0]);
		while (left) {
			size_t run = 8 + below(56), at = first + below(s->n - first);

			if (run > left)
				run = left;
			if (run > s->n - at)
				run = s->n - at;
			left -= run;
			while (run--) {
				vary_record(stdout, s, at++);
				if (!s->is_csv && (left || run))
					emit(stdout, s->data + s->rec[0][1],
					     s->rec[1][0] - s->rec[0][1]);
			}
		}
		if (!s->is_csv)
			emit(stdout, s->data + s->rec[s->n - 1][1],
			     s->len - s->rec[s->n - 1][1]);
		done += s->len;
	}
}

/* Little-endian bytes, whatever the machine's order is. */
static void put(unsigned char *to, uint64_t value, size_t n)
{
	while (n--) {
		*to++ = (unsigned char)value;
		value >>= 8;
	}
}

/* About a normal distribution, in whole numbers up to 2^33. */
static int64_t bell(void)
{
	uint64_t a = rng(), b = rng();

	return (int64_t)((a & UINT32_MAX) + (a >> 32) + (b & UINT32_MAX) + (b >> 32)) -
		2 * (int64_t)UINT32_MAX;
}

enum { TENSOR = 1 << 20 };

static void weights_header(size_t count, size_t width)
{
	static unsigned char len[8];

	for (size_t i = 0; i < count; i++) {
		add("%s\"layers.%zu.weight\":{\"dtype\":\"%s\",\"shape\":[1024,1024],"
		    "\"data_offsets\":[%zu,%zu]}", i ? "," : "{", i,
		    width == 4 ? "F32" : "BF16", i * TENSOR * width, (i + 1) * TENSOR * width);
	}
	add("}");
	while (line_len % 8)
		add(" ");
	put(len, line_len, sizeof(len));
	emit(stdout, (char *)len, sizeof(len));
	emit_line(stdout);
}

/*
 * A file in the format of safetensors: tensors of a million values of about a normal
 * distribution, each tensor with a deviation of its own. Each epoch changes every value
 * by about a thousandth of it. All is done in whole numbers, and rounded once: the bytes
 * are the same on every machine.
 */
static void weights(uint64_t seed, size_t size, size_t width, unsigned long epoch)
{
	static int64_t value[TENSOR];
	static unsigned char bytes[TENSOR * 4];
	size_t count = size / (TENSOR * width);

	if (!count)
		count = 1;
	weights_header(count, width);
	for (size_t i = 0; i < count; i++) {
		int64_t scale;

		/* so that no epoch moves what the next tensor draws */
		rng_seed(seed * 1000003 + i);
		scale = 1 + (int64_t)below(16);
		for (size_t k = 0; k < TENSOR; k++)
			value[k] = bell();
		for (unsigned long e = 0; e < epoch; e++)
			for (size_t k = 0; k < TENSOR; k++)
				value[k] += bell() / 1000;
		for (size_t k = 0; k < TENSOR; k++) {
			float f = (float)((double)(value[k] * scale) * 0x1p-40);
			uint32_t bits;

			memcpy(&bits, &f, sizeof(bits));
			if (width == 2)	/* to the nearest, ties to even */
				bits = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
			put(bytes + k * width, bits, width);
		}
		emit(stdout, (char *)bytes, TENSOR * width);
	}
}

enum column { TIME, STATION, PRICE, VOLUME, FLAG, COLUMNS };

/* The next value of a column. */
static uint64_t cell(enum column c, uint64_t last)
{
	double price = (double)below(100000) / 100;
	uint64_t bits;

	switch (c) {
	case TIME:
		return last + 1 + skewed(2000);
	case STATION:
		return skewed(AIRPORTS);
	case PRICE:
		memcpy(&bits, &price, sizeof(bits));
		return bits;
	case VOLUME:
		return skewed(1000000);
	default:
		return below(20) == 0;
	}
}

/*
 * A table as Arrow and NumPy keep it: one array a column, each from a multiple of 64
 * bytes. Each version has 1% more rows, so that every column but the first moves, and
 * another price in one of a thousand of the rows that were there.
 */
static void columns(uint64_t seed, size_t size, unsigned long version)
{
	static const size_t width[COLUMNS] = { 8, 4, 8, 4, 1 };
	size_t first = size / 25, rows = first + first * version / 100;
	uint64_t *value = malloc((rows + 1) * sizeof(*value));

	if (!value)
		die("out of memory");
	add("%-63zu\n", rows);
	emit_line(stdout);
	for (enum column c = TIME; c < COLUMNS; c++) {
		uint64_t last = 1700000000000;
		unsigned char bytes[8];

		rng_seed(seed * COLUMNS + c);
		for (size_t i = 0; i < rows; i++)
			last = value[i] = cell(c, last);
		for (unsigned long v = 0; c == PRICE && v < version; v++) {
			rng_seed(seed * COLUMNS + COLUMNS * 1000 * (v + 1));
			for (size_t n = first / 1000; n; n--) {
				size_t i = below(first);

				value[i] = cell(c, 0);
			}
		}
		for (size_t i = 0; i < rows; i++) {
			put(bytes, value[i], width[c]);
			emit(stdout, (char *)bytes, width[c]);
		}
		memset(bytes, 0, sizeof(bytes));
		for (size_t n = rows * width[c]; n % 64; n++)
			emit(stdout, (char *)bytes, 1);
	}
	free(value);
}

int main(int argc, char **argv)
{
	static const char usage[] = "usage: bench-data noise|json|csv SEED SIZE\n"
		"       bench-data vary SEED SIZE FILE...\n"
		"       bench-data many SEED COUNT SIZE DIR\n"
		"       bench-data fp32|bf16|columns SEED SIZE VERSION\n";
	const char *what = argc > 3 ? argv[1] : "";
	uint64_t seed = argc > 3 ? strtoull(argv[2], NULL, 10) : 0;
	size_t size = argc > 3 ? (size_t)strtoull(argv[3], NULL, 10) : 0;

	rng_seed(seed);
	make_vocabulary();
	if (!strcmp(what, "noise") && argc == 4)
		noise(stdout, size);
	else if (!strcmp(what, "json") && argc == 4)
		films(stdout, size);
	else if (!strcmp(what, "csv") && argc == 4)
		flights(stdout, size);
	else if (!strcmp(what, "vary") && argc > 4)
		vary(size, argc - 4, argv + 4);
	else if (!strcmp(what, "many") && argc == 6)
		many(size, (size_t)strtoull(argv[4], NULL, 10), argv[5]);
	else if (!strcmp(what, "fp32") && argc == 5)
		weights(seed, size, 4, strtoul(argv[4], NULL, 10));
	else if (!strcmp(what, "bf16") && argc == 5)
		weights(seed, size, 2, strtoul(argv[4], NULL, 10));
	else if (!strcmp(what, "columns") && argc == 5)
		columns(seed, size, strtoul(argv[4], NULL, 10));
	else {
		fputs(usage, stderr);
		return 2;
	}
	return fflush(stdout) || ferror(stdout);
}
