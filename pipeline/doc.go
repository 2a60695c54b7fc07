// Package pipeline builds handlers from the contexts of paste files: chains of
// filters, composites, and the Environ that the stages of a request share.
//
// LoadApp builds an application with everything that it refers to. The App it
// gives is an http.Handler for any server; its Start and Close belong before
// the first request and behind the last one.
//
//	app, err := pipeline.LoadApp("config:/etc/demo/api-paste.ini")
//	if err != nil {
//		return err // every problem of the file, a line each
//	}
//	if err := app.Start(ctx); err != nil {
//		return err
//	}
//	defer app.Close(context.WithoutCancel(ctx))
//	return http.ListenAndServe("127.0.0.1:8080", app)
//
// # Stages
//
// Each filter of a pipeline is a stage. The pipeline counts for every request
// which filter answered in place of the application, and where a panic began;
// it times a sample of the requests, for the time that each filter takes by
// itself. A filter that replaces an answer after it has called the next stage
// says so by Answered.
package pipeline
