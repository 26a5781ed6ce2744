/*
 * source/s3_error.h
 *		What S3 says when it says no.
 */
#ifndef OLIST_S3_ERROR_H
#define OLIST_S3_ERROR_H

/* the error document of an answer; "" where it says nothing */
typedef struct OlistS3Error
{
	char code[64];
	char message[256];
	char region[64];
} OlistS3Error;

/* what a code means to the user */
typedef struct OlistS3Meaning
{
	const char *code;
	int sqlerrcode;
	const char *text; /* goes on after "could not read …: " */
	const char *hint; /* or NULL */
} OlistS3Meaning;

/* Read an error document; anything else leaves all fields empty. Never raises. */
extern void olist_s3_error_parse(const char *body, size_t len, OlistS3Error *error);

/* NULL if the code is not known */
extern const OlistS3Meaning *olist_s3_error_meaning(const char *code);

/* the code that stands for a status when the answer has no document (HEAD) */
extern const char *olist_s3_error_code_of_status(int status);

/* is it the server's trouble of the moment? */
extern bool olist_s3_error_transient(int status, const char *code, bool *throttled);

#endif /* OLIST_S3_ERROR_H */
