// Errors of the contract (types.wit), and what the answers of a Redfish service mean.

/** An error: its kind, and what the operator reads. */
export const error = (tag, val) => ({ tag, val });

/** What an answer says went wrong, or nothing if it went well. Never a guess: what isn't understood is `failed`. */
export function refusal({ status, headers, body }) {
  if (status >= 200 && status < 300) {
    return undefined;
  }
  const message = `the Redfish service answered ${status}${words(body)}`;
  switch (status) {
    case 400:
      return error('invalid-parameter', message);
    case 401:
    case 403:
      return error('auth-failed', message);
    case 404:
    case 405:
    case 501:
      return error('unsupported', message);
    case 409:
    case 412:
    case 429:
    case 503:
      return error('busy', { message, retryAfter: seconds(headers) });
    default:
      return error('failed', message);
  }
}

/** The service's own words (DSP0266, 8.6), if it has some. */
function words(body) {
  const said = read(body)?.error;
  const text = said?.['@Message.ExtendedInfo']?.[0]?.Message ?? said?.message;
  return typeof text === 'string' ? `: ${text}` : '';
}

function seconds(headers) {
  const header = headers.find(({ name }) => name === 'retry-after');
  return header !== undefined && /^\d{1,6}$/.test(header.value) ? Number(header.value) : undefined;
}

/** JSON text as a value; nothing if there is none. */
export function read(text) {
  if (text === undefined) {
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    throw error('protocol', 'the Redfish service answered something that is no JSON');
  }
}
