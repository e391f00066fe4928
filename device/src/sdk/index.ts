// The SDK is built here.
