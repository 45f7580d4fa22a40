/*
 * Patterns as gitignore(5) matches them: '*' and '?' stop at '/', '**' does
 * not, [a-z] classes, '\' quotes. A pattern without '/' (other than a last
 * one) matches the last component at any depth; a pattern that matches a
 * directory matches all below it.
 */
#ifndef DV_CODEC_GLOB_H
#define DV_CODEC_GLOB_H

/* 1 if the path (relative, '/' between components) matches. */
int dv_glob_path(const char *pattern, const char *path);

#endif
