/*
 * source/s3_error.c
 *		What S3 says when it says no.
 *
 *		<Error><Code>NoSuchKey</Code><Message>…</Message><Region>…</Region></Error>
 *
 * Only these three elements are read. The document of a refused signature also
 * holds the string that was signed, and with it the session token, so nothing
 * else of it may go into a message.
 */
#include "postgres.h"

#include "source/s3_error.h"

#include "source/xml_fields.h"

static const OlistS3Meaning meanings[] = {
	{"NoSuchKey", ERRCODE_UNDEFINED_FILE, "the object does not exist", NULL},
	{"NoSuchVersion", ERRCODE_UNDEFINED_FILE, "this version of the object does not exist", NULL},
	{"NoSuchBucket", ERRCODE_UNDEFINED_FILE, "the bucket does not exist",
	 "Check the name of the bucket, and the endpoint and region of the server."},
	{"InvalidBucketName", ERRCODE_INVALID_PARAMETER_VALUE, "the name of the bucket is not valid",
	 NULL},
	{"InvalidAccessKeyId", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	 "the access key is not known", "Check the access key that is used, and the endpoint."},
	{"InvalidClientTokenId", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	 "the access key is not known", "Check the access key that is used, and the endpoint."},
	{"SignatureDoesNotMatch", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	 "the signature is refused", "Check the secret key that belongs to the access key."},
	{"ExpiredToken", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	 "the temporary credentials have expired", "Provide new temporary credentials."},
	{"ExpiredTokenException", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	 "the temporary credentials have expired", "Provide new temporary credentials."},
	{"TokenRefreshRequired", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	 "the temporary credentials must be renewed", "Provide new temporary credentials."},
	{"InvalidToken", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, "the session token is not valid",
	 "Check that the session token belongs to the access key, and that it has not expired."},
	{"InvalidIdentityToken", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	 "the web identity token is not accepted", NULL},
	{"IDPRejectedClaim", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	 "the web identity token is not accepted", NULL},
	{"RequestTimeTooSkewed", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	 "the request's time is refused",
	 "The clock of this machine differs from the storage's: correct it."},
	{"RequestExpired", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, "the request's time is refused",
	 "The clock of this machine differs from the storage's: correct it."},
	{"AuthorizationHeaderMalformed", ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
	 "the request was signed for another region", "Set the option region of the server."},
	{"PermanentRedirect", ERRCODE_CONNECTION_FAILURE, "the bucket is at another endpoint",
	 "Set the options region and endpoint of the server. Redirects are not followed with "
	 "credentials."},
	{"TemporaryRedirect", ERRCODE_CONNECTION_FAILURE, "the bucket is at another endpoint",
	 "Set the options region and endpoint of the server. Redirects are not followed with "
	 "credentials."},
	{"AccessDenied", ERRCODE_INSUFFICIENT_PRIVILEGE, "access is denied",
	 "The credentials are valid but do not permit this. Reading needs s3:GetObject on the object, "
	 "listing s3:ListBucket on the bucket; a missing object is reported in this way to those who "
	 "may not list."},
	{"AllAccessDisabled", ERRCODE_INSUFFICIENT_PRIVILEGE, "access is denied", NULL},
	{"AccountProblem", ERRCODE_INSUFFICIENT_PRIVILEGE, "access is denied", NULL},
	{"InvalidPayer", ERRCODE_INSUFFICIENT_PRIVILEGE, "access is denied", NULL},
	{"InvalidObjectState", ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "the object is archived",
	 "Restore it from its storage class first."},
	{"PreconditionFailed", ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
	 "the object has changed since its version was fixed",
	 "List it again and read its new version from the beginning."},
	{"InvalidRange", ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "the object is shorter than it was",
	 "List it again and read its new version from the beginning."},
	{"SlowDown", ERRCODE_CONNECTION_FAILURE, "the server asks for fewer requests",
	 "Lower the option connections of the server, or raise retries."},
	{"ServiceUnavailable", ERRCODE_CONNECTION_FAILURE, "the server is not available", NULL},
	{"InternalError", ERRCODE_CONNECTION_FAILURE, "the server failed", NULL},
	{"RequestTimeout", ERRCODE_CONNECTION_FAILURE, "the server waited too long for the request",
	 NULL},
};

/* codes that mean "later", whatever the status */
static const char *const throttled_codes[] = {"SlowDown",
											  "RequestThrottled",
											  "Throttling",
											  "ThrottlingException",
											  "TooManyRequests",
											  "RequestLimitExceeded",
											  "BandwidthLimitExceeded"};
static const char *const transient_codes[] = {"InternalError",	  "ServiceUnavailable",
											  "RequestTimeout",	  "RequestTimeoutException",
											  "OperationAborted", "IDPCommunicationError"};

void
olist_s3_error_parse(const char *body, size_t len, OlistS3Error *error)
{
	const OlistXmlField fields[] = {
		{"Code", error->code, sizeof(error->code)},
		{"Message", error->message, sizeof(error->message)},
		{"Region", error->region, sizeof(error->region)},
	};

	olist_xml_fields(body, len, fields, lengthof(fields));
}

const OlistS3Meaning *
olist_s3_error_meaning(const char *code)
{
	for (size_t i = 0; i < lengthof(meanings); i++)
	{
		if (strcmp(meanings[i].code, code) == 0)
			return &meanings[i];
	}
	return NULL;
}

const char *
olist_s3_error_code_of_status(int status)
{
	switch (status)
	{
		case 301:
		case 307:
			return "PermanentRedirect";
		case 403:
			return "AccessDenied";
		case 404:
			return "NoSuchKey";
		case 412:
			return "PreconditionFailed";
		case 416:
			return "InvalidRange";
		case 429:
			return "SlowDown";
		case 500:
			return "InternalError";
		case 502:
		case 503:
		case 504:
			return "ServiceUnavailable";
		default:
			return "";
	}
}

static bool
in_list(const char *code, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		if (strcmp(list[i], code) == 0)
			return true;
	}
	return false;
}

bool
olist_s3_error_transient(int status, const char *code, bool *throttled)
{
	*throttled = status == 429 || in_list(code, throttled_codes, lengthof(throttled_codes));
	return *throttled || status == 408 || status == 500 || status == 502 || status == 503 ||
		   status == 504 || in_list(code, transient_codes, lengthof(transient_codes));
}
