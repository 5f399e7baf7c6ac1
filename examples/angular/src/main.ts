import { Component } from '@angular/core'
import { bootstrapApplication } from '@angular/platform-browser'

@Component({ selector: 'harbour-root', template: '<h1>{{ greeting }}</h1>' })
class Harbour {
  readonly greeting = 'Angular, moored'
}

bootstrapApplication(Harbour).catch((error) => console.error(error))
